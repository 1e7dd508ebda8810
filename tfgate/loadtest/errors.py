"""How a load test can end, other than well."""


class WrongOptions(Exception):
    """It cannot be begun as it was asked for; the message says what is wrong."""


class LocustFailed(Exception):
    """locust did not do what it was told; the message has its last words."""


class ObjectivesMissed(Exception):
    """The gateway did not reach what it was to reach; the message says where and by how much."""


class Stopped(Exception):
    """Somebody ended it before its time."""
