# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The measurements as a picture: a bar for each contestant's median, a panel for each case, each with its own scale."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .cases import CASES
from .figures import Block, counted

WIDTH, COLUMNS, MARGIN = 960, 2, 24  # pixels, panels in a row
BAR, GAP, HEAD = 16, 6, 40  # height of a bar, what is between two, and a panel's title
NAME, VALUE = 64, 126  # width of a name on the left, and of a figure on the right
STYLE = """
text { font: 13px sans-serif; fill: #24292f; }
.title { font-weight: bold; }
.bar { fill: #8c959f; }
.ours { fill: #0969da; }
.spread { stroke: #24292f; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .spread { stroke: #e6edf3; }
  .ours { fill: #4493f8; }
}
"""


def picture(measured: list[Block]) -> str:
    """Return an SVG with all blocks; a thin line on a bar is from the least to the most."""
    rows = [measured[start : start + COLUMNS] for start in range(0, len(measured), COLUMNS)]
    top, parts = MARGIN, []
    for row in rows:
        for column, block in enumerate(row):
            parts += panel(block, MARGIN + column * (WIDTH - MARGIN) // COLUMNS, top)
        top += max(height(block) for block in row) + MARGIN
    # Each panel says its day: the machine is not always as fast.
    said = f"Seconds, medians; {' or '.join(sorted({block.size for block in measured}))}"
    parts.append(f'<text x="{MARGIN}" y="{top + 4}">{escape(said)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + MARGIN}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def height(block: Block) -> int:
    """Return a panel's height in pixels."""
    return HEAD + len(block.medians) * (BAR + GAP)


def panel(block: Block, left: int, top: int) -> list[str]:
    """Return the elements of one case."""
    said = f"{CASES[block.case].text}, {counted(block.hosts, 'host')} ({block.when})"
    title = f'<text class="title" x="{left}" y="{top + 16}">{escape(said)}</text>'
    room = (WIDTH - MARGIN) // COLUMNS - MARGIN - NAME - VALUE
    longest = max(most for _least, most in block.spread.values()) or 1
    parts = [title]
    for index, who in enumerate(block.medians):
        parts += bar(block, who, (left, top + HEAD - 12 + index * (BAR + GAP)), room / longest)
    return parts


def bar(block: Block, who: str, place: tuple[int, int], scale: float) -> list[str]:
    """Return name, bar, spread and figure of one contestant; scale is pixels a second."""
    left, top = place
    wall, (least, most), start = block.medians[who]["wall"], block.spread[who], left + NAME
    ratio = block.ratio(who, "ours")
    said = f"{wall:.1f}" + (f" ({ratio:.2g} x ours)" if ratio and who != "ours" else "")
    middle = top + BAR // 2
    return [
        f'<text x="{left}" y="{top + 13}">{who}</text>',
        f'<rect class="bar {who}" x="{start}" y="{top}" width="{wall * scale:.1f}" height="{BAR}"/>',
        f'<line class="spread" x1="{start + least * scale:.1f}" x2="{start + most * scale:.1f}" y1="{middle}" '
        f'y2="{middle}"/>',
        f'<text x="{start + most * scale + 6:.1f}" y="{top + 13}">{said}</text>',
    ]
