"""The one exception by which training and data preparation refuse to go on."""


class TrainingError(ValueError):
    """Input or settings that cannot be used; the text is one line for the user, and commands exit with 2."""
