import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import topics

terminals = st.from_regex(r"[a-z0-9][a-z0-9-]{2,39}", fullmatch=True)


@given(terminals)
def test_what_is_spelled_is_parsed_back(terminal):
    for spell, channel in [
        (topics.presence, "presence"),
        (topics.reported, "reported"),
        (topics.batch, "batch"),
        (topics.desired, "desired"),
        (topics.command, "command"),
        (topics.ack, "ack"),
    ]:
        assert topics.parse(spell(terminal)) == topics.Topic(terminal, channel)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "balise/v1/laval-01/up",
        "balise/v2/laval-01/up/batch",
        "other/v1/laval-01/up/batch",
        "balise/v1/laval-01/sideways/batch",
        "balise/v1/laval-01/up/desired",
        "balise/v1/laval-01/down/batch",
        "balise/v1/LAVAL/up/batch",
        "balise/v1/+/up/batch",
        "balise/v1/../up/batch",
        "balise/v1/laval-01/up/batch/more",
    ],
)
def test_a_foreign_topic_is_not_ours(foreign):
    assert topics.parse(foreign) is None


@given(st.text(max_size=80))
def test_any_text_is_parsed_without_an_error(raw):
    parsed = topics.parse(raw)
    assert parsed is None or raw.startswith("balise/v1/")
