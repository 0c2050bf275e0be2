"""Names and file names inside Markdown: what is not meant as markup must not become any."""


def markdown(text: object) -> str:
    """Every letter that Markdown or Streamlit's directives could take for markup, escaped."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>$:#|~" else letter for letter in str(text))


def cell(text: str) -> str:
    """For a cell of a Markdown table: no bars, no emphasis."""
    return text.replace("|", "/").replace("*", "\\*").replace("_", "\\_")
