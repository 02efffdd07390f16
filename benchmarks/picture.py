"""A picture of the routing benchmark: how many times as long as ours each peer takes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.bars import time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_OURS = "bluelight"


def draw(documents: Sequence[dict[str, Any]]) -> bytes:
    """Draw a panel for each graph: a group of bars for each task, on a logarithmic scale.

    Parameters
    ----------
    documents : sequence of dict
        Of one graph each.

    Returns
    -------
    bytes
        SVG; the same for the same documents.
    """
    peers = list(
        dict.fromkeys(
            name
            for document in documents
            for task in document["tasks"]
            for name in task["contestants"]
            if name != _OURS
        )
    )
    # ids of elements would differ from run to run
    with mpl.rc_context({"svg.hashsalt": "bluelight", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 4.2 * len(documents)), layout="constrained")
        for axes, document in zip(
            figure.subplots(len(documents), squeeze=False)[:, 0], documents, strict=True
        ):
            shown = [task for task in document["tasks"] if len(task["contestants"]) > 1]
            width = 0.85 / max(1, len(peers))
            for place, peer in enumerate(peers):
                bars = [
                    (at + width * place, ratio)
                    for at, task in enumerate(shown)
                    if (ratio := _ratio(document, task["key"], peer)) is not None
                ]
                axes.bar(
                    [at for at, _ in bars],
                    [ratio - 1 for _, ratio in bars],
                    width,
                    bottom=1,
                    label=peer,
                    color=f"C{place}",
                )
            axes.axhline(1, color="black", linewidth=1)
            axes.set_yscale("log")
            axes.set_xticks(
                [at + 0.4 for at in range(len(shown))],
                [task["title"].replace(", ", "\n") for task in shown],
                rotation=30,
                ha="right",
                fontsize=8,
            )
            axes.set_ylabel("time / time of bluelight")
            axes.set_title(f"{document['graph']}: {document['nodes']:,} nodes, one thread each")
            axes.grid(axis="y", alpha=0.3)
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=8
        )
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _ratio(document: dict[str, Any], task: str, peer: str) -> float | None:
    theirs, ours = time_of(document, task, peer), time_of(document, task, _OURS)
    return None if theirs is None or not ours else theirs / ours
