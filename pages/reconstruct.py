from aeviz.analysis.errors import EPSILON
from aeviz.app import sidebar, widgets
from aeviz.app.views import reconstruct as view
from aeviz.models import zoo

squeezed, code = zoo.code(sidebar.subject().model)
widgets.heading("reconstruct", squeezed=squeezed, code=code)
view.exhibit()
widgets.explain("reconstruct", epsilon=f"{EPSILON:f}")
