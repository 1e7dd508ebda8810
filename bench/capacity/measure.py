"""Everything that measured.json holds, measured one after the other."""

from bench.capacity.connections import measure_connections
from bench.capacity.costs import bench
from bench.capacity.measured import Measured
from bench.capacity.metrics_cost import measure_metrics_in_files
from bench.environments import BUILD
from bench.machine import describe_session

WORKLOADS = ("house", "review200")


def measure(seconds: int) -> Measured:
    """Measure the parts: needs two processors, and nobody else on them."""
    connections = measure_connections()
    in_files = measure_metrics_in_files()
    session = describe_session([])
    with bench(BUILD / "capacity") as both:
        costs = {each: both.costs(each, seconds) for each in WORKLOADS}
        checks = {each: both.points(each, seconds) for each in WORKLOADS}
        return Measured(
            machine=f"{session.machine['processor']}, revision {session.revision}",
            costs=costs,
            checks=checks,
            refusal=both.refusal(seconds),
            metrics_in_files=in_files,
            connections=connections,
            series=both.series(),
            gateway=both.started["gateway"],
            gateway_loaded_mb=both.gateway_mb(),
            server=both.started["server"],
        )
