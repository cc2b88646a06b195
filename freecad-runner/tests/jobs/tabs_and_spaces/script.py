# Tabs and spaces mixed.
if True:
        size = 1
	print(size)
