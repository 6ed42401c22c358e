"""A binary heap of cells, the highest on top (Williams 1964, Algorithm 232)."""

from survey.kernel import Array, compiled


@compiled
def is_higher(one: int, two: int, surface: Array) -> bool:
    """Tell whether a cell is higher than another; of equal ones the southern, then the western is."""
    if surface[one] != surface[two]:
        return bool(surface[one] > surface[two])
    return one < two


@compiled
def push(heap: Array, size: int, cell: int, surface: Array) -> int:
    """Put a cell into a heap of some size and return the new size."""
    at = size
    while at > 0 and is_higher(cell, heap[(at - 1) // 2], surface):
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = cell
    return size + 1


@compiled
def pop_highest(heap: Array, size: int, surface: Array) -> int:
    """Take the top off a heap of some size and return the new size."""
    last = heap[size - 1]
    at, child = 0, 1
    while child < size - 1:
        if child + 1 < size - 1 and is_higher(heap[child + 1], heap[child], surface):
            child += 1
        if not is_higher(heap[child], last, surface):
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = last
    return size - 1
