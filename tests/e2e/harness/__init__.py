"""Everything an end-to-end test needs and no machine has: an engine, base images, an index, git, a torch.

One concept a file. Nothing here is installed on the machine: packages are downloaded by apt and pip, unpacked
into the cache folder and run from there.
"""
