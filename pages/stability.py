from aeviz.app import widgets
from aeviz.app.views import stability as view

MOST = 4  # models whose curves can be told apart

widgets.heading("stability")
models = widgets.pick_subjects("moved", MOST)
with widgets.exhibit("stability"):
    view.movements([*models, models[0].pca(), models[0].pixels()])
widgets.explain("stability")
