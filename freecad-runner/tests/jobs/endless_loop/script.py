# Never ends; what it printed until then is kept.
print("counting")
number = 0
while True:
    number += 1
