# Its own document, small until it is opened.
import zipfile

with zipfile.ZipFile(os.path.join(OUTPUT, "MyHeadlessModel.FCStd"), "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("Document.xml", b"<?xml version='1.0'?><Document>" + b" " * (200 << 20) + b"</Document>")
App.closeDocument("Demo")
