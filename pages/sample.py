from aeviz.app import sidebar, widgets
from aeviz.app.views import sample as view

widgets.heading("sample")
view.say_prior(sidebar.subject())
view.exhibit()
widgets.explain("sample")
