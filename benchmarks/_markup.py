"""The same blocks as Markdown and as reStructuredText, and where they are written.

A block is ("heading" | "title" | "text" | "code", str) or ("table", head, rows).
"""

BEGIN, END = "<!-- {}: written by {} -->", "<!-- end of {} -->"


def markdown(blocks):
    """Blocks as Markdown."""
    return "\n\n".join(_markdown(*block) for block in blocks)


def _markdown(kind, content, rows=None):
    if kind == "table":
        lines = [content, ["---"] * len(content), *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return {"heading": f"### {content}", "title": f"**{content}**", "code": f"`{content}`"}.get(
        kind, content
    )


def restructured(blocks):
    """Blocks as reStructuredText."""
    return "\n\n".join(_restructured(*block) for block in blocks)


def _restructured(kind, content, rows=None):
    if kind == "table":
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in [content, *rows]:
            for number, cell in enumerate(row):
                lines.append(("   * - " if number == 0 else "     - ") + cell)
        return "\n".join(line.rstrip() for line in lines)
    content = content.replace("`", "" if kind == "title" else "``")  # no code within bold words
    forms = {"heading": f".. rubric:: {content}", "title": f"**{content}**"}
    return (forms | {"code": f"``{content}``"}).get(kind, content)


def insert(path, name, script, written):
    """Replace what stands between the marks of `name` in a Markdown file."""
    begin, end = BEGIN.format(name, script), END.format(name)
    before, rest = path.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    path.write_text("\n\n".join([before + begin, written, end]) + after, encoding="utf-8")


def write_include(path, script, written):
    """Write a page's part that is made, not typed."""
    head = f".. Written by benchmarks/{script}; do not edit by hand."
    path.write_text(f"{head}\n\n{written}\n", encoding="utf-8")
