"""Names and file names inside Markdown, escaped."""


def markdown(text: object) -> str:
    """Return text in which Markdown and Streamlit's directives find no markup."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>$:#|~" else letter for letter in str(text))


def cell(text: str) -> str:
    """Return text for a cell of a Markdown table, without bars and emphasis."""
    return text.replace("|", "/").replace("*", "\\*").replace("_", "\\_")
