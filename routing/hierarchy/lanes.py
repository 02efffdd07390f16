"""Relax arcs for many searches side by side, one search a SIMD lane.

Numba turns ``min(a[i], b[i] + w)`` over int32 into 64-bit arithmetic or leaves it
scalar, which is several times slower, so the inner loops are emitted as LLVM vector
instructions. A row holds the values of one node, one a lane. Values are
compared as unsigned numbers: twice the greatest value, `far`, still fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from routing.dijkstra import FAR
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

_I32: Final = ir.IntType(32)
_I64: Final = ir.IntType(64)
_WITH_ARCS: Final = 9
"""Arguments of kernels that follow arcs."""


class _Rows:
    """Emits loads and stores of whole rows, and of arcs."""

    def __init__(self, context: Any, builder: Any, signature: Any, values: Any, lanes: int) -> None:
        array_type = signature.args[0]
        bits = array_type.dtype.bitwidth
        element = ir.IntType(bits)
        far = int(UNREACHABLE) if bits == 32 else int(FAR)
        self.vector = ir.VectorType(element, lanes)
        self.far = ir.Constant(self.vector, [far] * lanes)
        self._align = bits // 8
        self._lanes = lanes
        self._builder = builder
        make = context.make_array(array_type)
        self._dist = builder.gep(make(context, builder, values[0]).data, [values[1]])
        if len(signature.args) == _WITH_ARCS:
            make = context.make_array(signature.args[2])
            self._arcs = make(context, builder, values[2]).data
            self._stride, self._offset = values[3:5]

    def place(self, node: Any) -> Any:
        """Address of a node's row."""
        first = self._builder.mul(node, ir.Constant(_I64, self._lanes))
        address = self._builder.gep(self._dist, [first])
        return self._builder.bitcast(address, self.vector.as_pointer())

    def load(self, node: Any) -> Any:
        """Load the row of a node."""
        value = self._builder.load(self.place(node))
        value.align = self._align
        return value

    def store(self, value: Any, node: Any) -> None:
        """Store the row of a node."""
        self._builder.store(value, self.place(node)).align = self._align

    def arc(self, arc: Any) -> tuple[Any, Any]:
        """Head of an arc, and its weight in all lanes."""
        builder = self._builder
        first = builder.mul(arc, self._stride)
        head = builder.load(builder.gep(self._arcs, [first]))
        if head.type != _I64:
            head = builder.zext(head, _I64)
        weight = builder.load(builder.gep(self._arcs, [builder.add(first, self._offset)]))
        nothing = ir.Constant(self.vector, ir.Undefined)
        one = builder.insert_element(nothing, weight, ir.Constant(_I32, 0))
        every = ir.Constant(ir.VectorType(_I32, self._lanes), [0] * self._lanes)
        return head, builder.shuffle_vector(one, nothing, every)

    def least(self, one: Any, other: Any) -> Any:
        """Return the lesser of two rows, lane by lane."""
        return self._builder.select(self._builder.icmp_unsigned("<", one, other), one, other)


def _signature(dist: Any, arcs: Any) -> Any:
    for array in (dist, arcs):
        if not isinstance(array, types.Array) or array.dtype not in (types.int32, types.int64):
            raise TypingError("rows and arcs are arrays of int32 or of int64")
    if dist.dtype != arcs.dtype:
        raise TypingError("rows and arcs have one dtype")
    i64 = types.int64
    return types.void(dist, i64, arcs, i64, i64, i64, i64, i64, types.boolean)


def make_pull(lanes: int) -> Callable[..., None]:
    """Make a kernel that lets a node take the best from the heads of its arcs.

    Parameters
    ----------
    lanes : int
        Values in a row.

    Returns
    -------
    callable
        ``pull(dist, base, arcs, stride, offset, begin, end, node, keep)`` for use in
        compiled code: rows begin at ``dist[base]``; arc a has its head at
        ``arcs[stride * a]`` and its weight `offset` further; arcs `begin` to `end` are
        relaxed into the row of `node`, which starts from what it holds if `keep`, else
        from far away.
    """

    @intrinsic
    def _pull(
        _context: Any, dist: Any, _base: Any, arcs: Any, _stride: Any, _offset: Any,
        _begin: Any, _end: Any, _node: Any, _keep: Any,
    ) -> Any:  # fmt: skip
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            begin, end, node, keep = values[5:]
            rows = _Rows(context, builder, signature, values, lanes)
            entry = builder.block
            held, start, loop, done = (
                builder.append_basic_block(name) for name in ("held", "start", "loop", "done")
            )
            builder.cbranch(keep, held, start)
            builder.position_at_end(held)
            before = rows.load(node)
            builder.branch(start)
            builder.position_at_end(start)
            first = builder.phi(rows.vector)
            first.add_incoming(rows.far, entry)
            first.add_incoming(before, held)
            builder.cbranch(builder.icmp_signed("<", begin, end), loop, done)
            builder.position_at_end(loop)
            arc = builder.phi(_I64)
            arc.add_incoming(begin, start)
            best = builder.phi(rows.vector)
            best.add_incoming(first, start)
            head, weight = rows.arc(arc)
            better = rows.least(builder.add(rows.load(head), weight), best)
            following = builder.add(arc, ir.Constant(_I64, 1))
            arc.add_incoming(following, loop)
            best.add_incoming(better, loop)
            builder.cbranch(builder.icmp_signed("<", following, end), loop, done)
            builder.position_at_end(done)
            last = builder.phi(rows.vector)
            last.add_incoming(first, start)
            last.add_incoming(better, loop)
            rows.store(last, node)
            return context.get_dummy_value()

        return _signature(dist, arcs), _emit

    return _pull


def make_push(lanes: int) -> Callable[..., None]:
    """Make a kernel that offers the way through a node to the heads of its arcs.

    Parameters
    ----------
    lanes : int
        Values in a row.

    Returns
    -------
    callable
        ``push(dist, base, arcs, stride, offset, begin, end, node, keep)``, as `make_pull`
        has it; `keep` is not looked at.
    """

    @intrinsic
    def _push(
        _context: Any, dist: Any, _base: Any, arcs: Any, _stride: Any, _offset: Any,
        _begin: Any, _end: Any, _node: Any, _keep: Any,
    ) -> Any:  # fmt: skip
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            begin, end, node, _ = values[5:]
            rows = _Rows(context, builder, signature, values, lanes)
            own = rows.load(node)
            entry = builder.block
            loop, done = (builder.append_basic_block(name) for name in ("loop", "done"))
            builder.cbranch(builder.icmp_signed("<", begin, end), loop, done)
            builder.position_at_end(loop)
            arc = builder.phi(_I64)
            arc.add_incoming(begin, entry)
            head, weight = rows.arc(arc)
            rows.store(rows.least(builder.add(own, weight), rows.load(head)), head)
            following = builder.add(arc, ir.Constant(_I64, 1))
            arc.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, end), loop, done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return _signature(dist, arcs), _emit

    return _push


def make_join(lanes: int) -> Callable[..., None]:
    """Make a kernel that offers a way of two parts.

    Parameters
    ----------
    lanes : int
        Values in a row.

    Returns
    -------
    callable
        ``join(dist, base, first, second, whole)`` for use in compiled code: rows begin at
        ``dist[base]``; row `whole` becomes the lesser of itself and of the sum of rows
        `first` and `second`.
    """

    @intrinsic
    def _join(_context: Any, dist: Any, _base: Any, _first: Any, _second: Any, _whole: Any) -> Any:
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            first, second, whole = values[2:]
            rows = _Rows(context, builder, signature, values, lanes)
            through = builder.add(rows.load(first), rows.load(second))
            rows.store(rows.least(through, rows.load(whole)), whole)
            return context.get_dummy_value()

        i64 = types.int64
        return types.void(dist, i64, i64, i64, i64), _emit

    return _join
