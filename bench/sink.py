"""The outside world of the benchmark: a server that takes every letter and counts."""
import machine


class Sink:
    """bench-sink of a build, listening. `shown`: its certificate and key; without them it makes one that nobody trusts."""

    def __init__(self, build, folder, shown=None, name="sink"):
        certificate, key = shown or machine.make_certificate(folder, "sink.example")
        self.port, self.counter = machine.free_port(), folder / f"{name}-delivered"
        self.group = machine.Group(name)
        self.group.start([build / "bench-sink", "127.0.0.1", self.port, certificate, key,
                          self.counter])
        machine.wait_until(lambda: machine.answers(self.port), 10, "the sink listens")

    def reset(self):
        """Start counting from zero."""
        with open(self.counter, "r+b") as file:
            file.write(bytes(8))

    def stop(self):
        """End it."""
        self.group.stop()
