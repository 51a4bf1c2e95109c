"""Import optional dependencies; where one is missing the error says what to install."""


def import_pyplot(caller):
    """`matplotlib.pyplot`, or an error that says what to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = f'{caller} needs matplotlib: pip install "skattn[plot]"'
        raise ImportError(message) from error
    return plt


def import_pandas(caller):
    """The module `pandas`, or an error that says what to install."""
    try:
        import pandas
    except ImportError as error:
        message = f"{caller} needs pandas: pip install pandas"
        raise ImportError(message) from error
    return pandas
