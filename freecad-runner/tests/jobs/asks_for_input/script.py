# Waits for somebody at the keyboard.
size = float(input("Size: "))
