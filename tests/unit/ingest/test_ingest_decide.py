"""Decisions about batches, against a server that remembers everything: any history, resent in any way."""

import json
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_server.ingest.decide import AskAgain, Lost, Standing, StartOver, Take, decide
from fleet_server.ingest.envelope import read
from tests.sending import Sender, dropped, told


@dataclass
class Committed:
    """What a server has of one outbox, by the decisions alone."""

    standing: Standing = field(default_factory=Standing)
    events: list[str] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def hear(self, payload: bytes):
        decision = decide(read("laval-01", payload), self.standing)
        if not isinstance(decision, StartOver):
            self.standing = decision.then
            self.lost += [decision.lost] if decision.lost else []
        if isinstance(decision, Take):
            self.events += [item.id for item in decision.items]
        return decision


HISTORY = st.lists(st.sampled_from(["event", "dropped"]), min_size=1, max_size=30)


def told_history(shape) -> tuple[Sender, list[tuple[int, int]]]:
    """A terminal with such a history, and the sequences of each of its events."""
    sender, spans, next_ = Sender(), [], 1
    for kind in shape:
        length = 3 if kind == "dropped" else 1
        sender.kept.append(dropped(next_, next_ + length - 1) if kind == "dropped" else told())
        spans.append((next_, next_ + length - 1))
        next_ += length
    return sender, spans


def part(sender: Sender, spans, first: int, last: int, oldest: int = 0) -> bytes:
    """The events of index `first` to `last`, numbered as they stand; `oldest`: index of the lowest still kept."""
    body = json.loads(sender.batch(1))
    after = sender.kept[first - 1]["id"] if first > oldest else None
    return json.dumps(
        body | {"first": spans[first][0], "oldest": spans[oldest][0], "after": after, "events": sender.kept[first:last]}
    ).encode()


@settings(max_examples=300, deadline=None)
@given(HISTORY, st.data())
def test_whatever_is_resent_each_event_is_taken_once_and_in_order(shape, data):
    sender, spans = told_history(shape)
    server = Committed()
    for _ in range(data.draw(st.integers(1, 8))):
        first = data.draw(st.integers(0, len(shape) - 1))
        last = data.draw(st.integers(first + 1, len(shape)))
        decision = server.hear(part(sender, spans, first, last))
        assert not isinstance(decision, StartOver)
        if isinstance(decision, AskAgain):
            assert spans[first][0] > decision.then.through + 1
    ids = [event["id"] for event in sender.kept]
    assert server.events == ids[: len(server.events)]
    assert server.lost == []
    server.hear(part(sender, spans, 0, len(shape)))
    assert server.events == ids
    assert server.standing == Standing(spans[-1][1], ids[-1])


@settings(max_examples=200, deadline=None)
@given(HISTORY, st.data())
def test_what_is_not_taken_is_named_as_lost(shape, data):
    sender, spans = told_history(shape)
    server = Committed()
    oldest = 0
    for _ in range(data.draw(st.integers(1, 6))):
        oldest = data.draw(st.integers(oldest, len(shape) - 1))
        first = data.draw(st.integers(oldest, len(shape) - 1))
        server.hear(part(sender, spans, first, len(shape), oldest))
    server.hear(part(sender, spans, oldest, len(shape), oldest))
    covered = {n for (a, b), event in zip(spans, sender.kept, strict=True) if event["id"] in server.events
               for n in range(a, b + 1)}  # fmt: skip
    named = {n for lost in server.lost for n in range(lost.first, lost.last + 1)}
    assert covered | named == set(range(1, spans[-1][1] + 1))
    assert len(server.events) == len(set(server.events))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10), st.integers(1, 10))
def test_a_copy_that_went_another_way_is_found_out(common, own):
    original, spans = told_history(["event"] * (common + own))
    server = Committed()
    server.hear(part(original, spans, 0, common + own))
    copy = Sender(outbox=original.outbox, kept=[*original.kept[:common], *(told() for _ in range(own + 1))])
    _, longer = told_history(["event"] * len(copy.kept))
    decision = server.hear(part(copy, longer, common + own, len(copy.kept)))
    assert isinstance(decision, StartOver)
    assert server.events == [event["id"] for event in original.kept]
