"""A real job for the tests of the machinery: it naps, or it takes its worker down with it."""

from django.db import models

from jobs.models import Job


class Nap(Job):
    queue = "gpu"
    task = "tests.jobs.sample.tasks.nap"

    class Manner(models.TextChoices):
        CALM = "calm"
        POISON = "poison"
        BROKEN = "broken"
        DEAF = "deaf"

    seconds = models.FloatField(default=0.1)
    manner = models.CharField(max_length=6, choices=Manner, default=Manner.CALM)

    class Meta(Job.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.manner} nap of {self.seconds} s"


class Run(models.Model):
    """One execution that began: by which process, in which attempt."""

    nap = models.ForeignKey(Nap, on_delete=models.CASCADE, related_name="runs")
    attempt = models.PositiveSmallIntegerField()
    pid = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"attempt {self.attempt} by {self.pid}"
