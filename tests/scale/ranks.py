"""Processes that fit together, started for tests: each runs a function and tells its result."""

import contextlib
import socket
import time
import traceback
import warnings

import torch
import torch.multiprocessing


@contextlib.contextmanager
def started(function, n_ranks, *args, timeout=60.0):
    """Start processes that call ``function(ranks, *args)`` in data_parallel; yield them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = torch.multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_run, args=(rank, n_ranks, port, timeout, results, function, args))
        for rank in range(n_ranks)
    ]
    for process in processes:
        process.start()
    try:
        yield processes, results
    finally:
        for process in processes:
            process.join(10)
            process.kill()


def results_of(function, n_ranks, *args):
    """Return what ``function(ranks, *args)`` gives on each rank; errors are their texts."""
    with started(function, n_ranks, *args) as (_, results):
        found = dict(results.get(timeout=120) for _ in range(n_ranks))
    return [found[rank] for rank in range(n_ranks)]


def _run(rank, n_ranks, port, timeout, results, function, args):
    import torch.distributed as dist

    from skflow.scale import data_parallel

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    address = {"init_method": f"tcp://127.0.0.1:{port}", "rank": rank, "world_size": n_ranks}
    dist.init_process_group("gloo", **address)
    start = time.monotonic()
    try:
        with data_parallel(timeout=timeout) as ranks:
            found = function(ranks, *args)
    except Exception as error:
        found = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    results.put((rank, (found, time.monotonic() - start)))
    results.close()
    results.join_thread()
