#!/usr/bin/env python3
"""Enlarge pictures by a network that ncnn runs on the CPU: LOW.npy to LARGE.npy, (T, H, W, 3) uint8.

Run by ``figures.py peers`` with the Python of an environment of its own, which has ncnn and nothing of this project.
"""

import argparse

import ncnn
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("param")
    parser.add_argument("low")
    parser.add_argument("large")
    parser.add_argument("--blobs", nargs=2, default=("data", "output"), help="names of input and output")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--pad", type=int, default=10, help="mirrored pixels about the picture, cut off again")
    parser.add_argument("--residual", action="store_true", help="the network gives what is added to repeated pixels")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = args.threads
    # All in float32: half precision overflows in some, and differs from one processor to the next.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    net.load_param(args.param)
    net.load_model(args.param.removesuffix(".param") + ".bin")
    result = []
    for frame in np.load(args.low):
        height, width = frame.shape[:2]
        # Sides that are odd are filled up: some networks fold them by 2.
        sides = ((args.pad, args.pad + height % 2), (args.pad, args.pad + width % 2), (0, 0))
        planes = np.pad(frame, sides, mode="reflect").transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        planes = np.ascontiguousarray(planes)
        with net.create_extractor() as extractor:
            # Cloned: a Mat of an array is a view, which does not keep the array.
            extractor.input(args.blobs[0], ncnn.Mat(planes).clone())
            failed, out = extractor.extract(args.blobs[1])
        if failed:
            raise SystemExit(f"ncnn cannot run {args.param}")
        large = np.array(out).transpose(1, 2, 0)
        # Networks without padding of their own lose as much on each side.
        lost = [
            (args.scale * before - after) // 2 for before, after in zip(planes.shape[1:], large.shape[:2], strict=True)
        ]
        top, left = (args.scale * args.pad - one for one in lost)
        picture = large[top : top + args.scale * height, left : left + args.scale * width]
        if min(top, left) < 0 or picture.shape != (args.scale * height, args.scale * width, 3):
            raise SystemExit(f"{args.param} gives {large.shape} for {planes.shape}")
        if args.residual:
            picture = picture + frame.repeat(args.scale, 0).repeat(args.scale, 1) / np.float32(255)
        result.append(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    np.save(args.large, np.stack(result))


if __name__ == "__main__":
    main()
