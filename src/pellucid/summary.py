"""The table of a network's layers, for a terminal and for a notebook."""

from html import escape


class Summary:
    """A table of a network's layers that shows itself in a terminal and in a notebook."""

    def __init__(self, rows: list[tuple[str, str, str, int]], total: str) -> None:
        self.rows = rows
        self.total = total

    def __repr__(self) -> str:
        table = [("layer", "kind", "output", "parameters")]
        table += [(name, kind, shape, f"{count:,}") for name, kind, shape, count in self.rows]
        widths = [max(len(row[column]) for row in table) for column in range(4)]
        table.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])]
            )
            for row in table
        ]
        return "\n".join([*lines, self.total])

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{name}</th>" for name in ("layer", "kind", "output", "parameters"))
        body = "".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(kind)}</td><td>{escape(shape)}</td>"
            f"<td style='text-align:right'>{count:,}</td></tr>"
            for name, kind, shape, count in self.rows
        )
        return (
            f"<table><caption>{escape(self.total)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
