"""Models as they are kept and served: artefacts, ensemble, ONNX, registry."""
