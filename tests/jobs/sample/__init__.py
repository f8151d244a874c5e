NAME = "tests.jobs.sample"
