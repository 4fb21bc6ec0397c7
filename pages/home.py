from aeviz.app import first

if first.drawing():  # a first visitor waits neither for torch nor for the rest of the page
    first.show_map()
else:
    from aeviz.app.views import home

    home.show()
