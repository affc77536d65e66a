"""What is only of images: a slice beside the package, in the same order inside.

Nets, bijections and architectures of images are public under :mod:`skflow.nets`,
:mod:`skflow.bijections` and :mod:`skflow.architectures`; the parts of estimators come last.
"""
