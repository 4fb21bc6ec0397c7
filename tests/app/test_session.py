"""Values that a person and a page may set, through a small app."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def seed_app() -> None:
    import streamlit as st

    from aeviz.app import session

    def heard() -> None:
        st.session_state.heard = st.session_state.get("heard", 0) + session.changed("seed")

    st.button("Ten", on_click=session.put, args=("seed", 10))
    box = session.box("seed", 3)
    st.number_input("Seed", 0, 99, session.value("seed"), key=box, on_change=heard)
    session.settled("seed", 3)
    st.text(session.value("seed"))


def run(app: AppTest | None = None) -> AppTest:
    app = (app or AppTest.from_function(seed_app)).run()
    assert not app.exception
    return app


def said(app: AppTest) -> list[Any]:
    return [text.value for text in app.text]


def test_a_value_begins_as_it_is_told_and_follows_the_person_under_one_key() -> None:
    app = run()
    assert said(app) == ["3"]
    assert "seed" not in app.query_params
    app.number_input(key="seed").set_value(5).run()
    assert said(app) == ["5"]
    assert app.query_params["seed"] == "5"
    assert app.session_state["heard"] == 1


def test_a_value_that_the_page_sets_has_a_box_of_a_new_key_and_the_old_one_is_not_heard() -> None:
    app = run()
    old = app.number_input[0].id
    app.button[0].click().run()
    assert said(app) == ["10"]
    assert app.number_input[0].key == "seed~1"
    assert app.query_params["seed"] == "10"
    # What a browser sends that has not heard of it yet: the old box as it was.
    states = app._tree.get_widget_states()
    states.widgets.add(id=old, double_value=3)
    app._run(states)
    assert not app.exception
    assert said(app) == ["10"]
    assert app.session_state["heard"] == 0  # Streamlit calls back for a box that is gone


def test_setting_what_is_there_changes_no_box() -> None:
    app = run()
    app.button[0].click().run()
    app.button[0].click().run()
    assert app.number_input[0].key == "seed~1"
    app.number_input[0].set_value(4).run()
    app.button[0].click().run()
    assert said(app) == ["10"]
    assert app.number_input[0].key == "seed~2"


def all_boxes() -> None:
    import streamlit as st

    from aeviz.app import session, widgets
    from aeviz.data import datasets

    def set_all() -> None:
        for key in ("menu", "list", "row"):
            session.put(key, "b")

    st.button("Set", on_click=set_all)
    names = {"a": "A", "b": "B"}
    widgets.choice("Menu", names, "menu", menu=True)
    widgets.choice("List", names, "list", vertical=True)
    widgets.choice("Row", names, "row")
    widgets.pick_test_image("A", "picture", 1, datasets.load())


def test_a_box_is_told_its_value_in_each_run_as_the_browser_may_have_missed_the_first() -> None:
    app = AppTest.from_function(all_boxes, default_timeout=60).run()
    number = app.number_input[0]
    assert (number.proto.default, app.selectbox[1].proto.default) == (1, 2)  # a 2
    app.button[0].click()
    number.set_value(22).run()  # a 6
    for _ in range(2):  # Streamlit's session state tells a value that the page set in one run only
        assert not app.exception
        menu, of_class = app.selectbox
        assert menu.proto.default == app.radio[0].proto.default == 1
        assert list(app.segmented_control[0].proto.default) == [1]
        assert of_class.proto.default == of_class.value == 6
        assert app.number_input[0].proto.default == app.number_input[0].value == 22
        app.run()


def address_app() -> None:
    import streamlit as st

    from aeviz.app import session

    st.json([session.asked_numbers("at", 2), session.asked_list("names")])


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "nan,1", "inf,0", "1,,2"])
def test_what_is_not_two_numbers_in_an_address_is_none(text: str) -> None:
    app = AppTest.from_function(address_app)
    app.query_params["at"] = text
    assert json.loads(app.run().json[0].value) == [None, []]


def test_numbers_and_lists_of_an_address() -> None:
    app = AppTest.from_function(address_app)
    app.query_params["at"], app.query_params["names"] = "1.5,-2", "b,a,,b"
    assert json.loads(app.run().json[0].value) == [[1.5, -2.0], ["b", "a"]]


def widgets_app() -> None:
    import streamlit as st

    from aeviz.app import widgets

    strength = widgets.slider("Strength", 0.0, 1.0, 0.5, 0.1, key="strength")
    count = widgets.slider("Count", 1, 9, 3, key="count")
    shown = widgets.toggle("Shown", "shown", True)
    st.json([strength, count, shown])


BEGIN = {"strength": "0.3", "count": "7", "shown": "false"}


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ({}, [0.5, 3, True]),
        (BEGIN, [0.3, 7, False]),
        ({"strength": "2", "count": "0", "shown": "perhaps"}, [0.5, 3, True]),
        ({"strength": "nan", "count": "2.5", "shown": ""}, [0.5, 3, True]),
    ],
)
def test_sliders_and_switches_begin_as_the_address_says_where_it_can_be(
    address: dict[str, str], values: list[Any]
) -> None:
    app = AppTest.from_function(widgets_app)
    for key, text in address.items():
        app.query_params[key] = text
    app.run()
    assert not app.exception
    assert json.loads(app.json[0].value) == values
    expected = address if address == BEGIN else {}
    assert {key: "".join(app.query_params[key]) for key in app.query_params} == expected
