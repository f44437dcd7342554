"""`poetry gpu-build doctor`: what of this machine, engine and project stands in the way of a build.

``examine`` asks and lists; ``checks`` holds a file for each subject, which looks and judges; ``explain`` reads the
errors of builds and programs that failed.
"""
