"""The harness itself: which rows a reduced product keeps."""

import itertools

import harness


def test_sweep(monkeypatch):
    lists = [list("abcd"), [1, 2, 3], [False, True], [10, 20]]
    product = list(itertools.product(*lists))
    monkeypatch.setattr(harness, "SWEEP", True)
    assert harness.sweep(*lists) == product and harness.more([1, 2], [2, 3]) == [1, 2, 3]
    monkeypatch.setattr(harness, "SWEEP", False)
    rows = harness.sweep(*lists)
    assert set(rows) <= set(product) and len(rows) < len(product) // 2
    for i, j in itertools.combinations(range(4), 2):
        assert {(row[i], row[j]) for row in rows} == set(itertools.product(lists[i], lists[j]))
    assert harness.sweep([1, 2], "ab") == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert harness.more([1, 2], [2, 3]) == [1, 2] and harness.sweep([], [1], [2]) == []
