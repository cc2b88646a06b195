# -*- coding: latin-1 -*-
size = 1
name = 'Würfel'
