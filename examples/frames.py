"""Pictures in, pictures out, without VapourSynth: python frames.py IN_FOLDER OUT_FOLDER [MODEL]

Upscales the PNG files of a folder as one moving sequence, in the order of their names. Needs Pillow.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vs_tecogan.engine import create_engine
from vs_tecogan.weights import load_model


def main(source: Path, target: Path, model: str = "recurrent-texture-4x") -> None:
    """Run the plain recursion: the state after each picture goes into the next step."""
    engine = create_engine(load_model(model))
    target.mkdir(parents=True, exist_ok=True)
    state = None
    for path in sorted(source.glob("*.png")):
        picture = np.asarray(Image.open(path).convert("RGB"))
        height, width, _ = picture.shape
        if state is None:
            state = engine.zero_state(height, width)
        planes = [np.ascontiguousarray(picture[..., c], np.float32) / 255 for c in range(3)]  # RGB in [0, 1]
        state = engine.step(state, planes)
        out = [np.empty((height * engine.scale, width * engine.scale), np.float32) for _ in range(3)]
        engine.read(state, out)
        pixels = np.rint(np.clip(np.stack(out, axis=-1), 0, 1) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(target / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
