"""Relax arcs for many searches side by side, one search a SIMD lane.

Numba turns ``min(a[i], b[i] + w)`` over int32 into 64-bit arithmetic or leaves it
scalar, which is several times slower, so the inner loops are emitted as LLVM vector
instructions. A row holds the values of one node, one a lane. Values are
compared as unsigned numbers: twice the greatest value, `far`, still fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from routing.dijkstra import FAR
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

ALIGNMENT: Final = 64
"""Bytes of a cache line."""

_I32: Final = ir.IntType(32)
_I64: Final = ir.IntType(64)


class _Rows:
    """Emits loads and stores of whole rows."""

    def __init__(self, context: Any, builder: Any, array_type: Any, array: Any, lanes: int) -> None:
        bits = array_type.dtype.bitwidth
        far = int(UNREACHABLE) if bits == 32 else int(FAR)
        self.vector = ir.VectorType(ir.IntType(bits), lanes)
        self.far = ir.Constant(self.vector, [far] * lanes)
        self._align = bits // 8
        self._lanes = lanes
        self._builder = builder
        self._values = _data(context, builder, array_type, array)

    def place(self, row: Any) -> Any:
        """Address of a row."""
        first = self._builder.mul(row, ir.Constant(_I64, self._lanes))
        address = self._builder.gep(self._values, [first])
        return self._builder.bitcast(address, self.vector.as_pointer())

    def load(self, row: Any) -> Any:
        """Load a row."""
        value = self._builder.load(self.place(row))
        value.align = self._align
        return value

    def store(self, value: Any, row: Any) -> None:
        """Store a row."""
        self._builder.store(value, self.place(row)).align = self._align

    def least(self, one: Any, other: Any) -> Any:
        """Return the lesser of two rows, lane by lane."""
        return self._builder.select(self._builder.icmp_unsigned("<", one, other), one, other)


class _Arcs:
    """Emits loads of arcs."""

    def __init__(
        self, context: Any, builder: Any, signature: Any, values: Any, rows: _Rows
    ) -> None:
        row_of, arcs = signature.args[1:3]
        self._row_of = None
        if row_of != types.none:
            self._row_of = _data(context, builder, row_of, values[1])
        self._arcs = _data(context, builder, arcs, values[2])
        self._stride, self._offset = values[3:5]
        self._vector = rows.vector
        self._builder = builder

    def load(self, arc: Any) -> tuple[Any, Any]:
        """Row of the head of an arc, and the arc's weight in all lanes."""
        builder = self._builder
        first = builder.mul(arc, self._stride)
        head = builder.load(builder.gep(self._arcs, [first]))
        if self._row_of is not None:
            head = builder.load(builder.gep(self._row_of, [_wide(builder, head)]))
        weight = builder.load(builder.gep(self._arcs, [builder.add(first, self._offset)]))
        nothing = ir.Constant(self._vector, ir.Undefined)
        one = builder.insert_element(nothing, weight, ir.Constant(_I32, 0))
        every = ir.Constant(ir.VectorType(_I32, self._vector.count), [0] * self._vector.count)
        return _wide(builder, head), builder.shuffle_vector(one, nothing, every)


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


def _wide(builder: Any, number: Any) -> Any:
    return number if number.type == _I64 else builder.zext(number, _I64)


def _keep_rolled(builder: Any, branch: Any) -> None:
    """Ask for no copies of a loop's body: nodes have few arcs, and jumps cannot be foreseen."""
    module = builder.module
    disable = module.add_metadata(["llvm.loop.unroll.disable"])
    loop = ir.MDValue(module, [disable], name=str(len(module.metadata)))
    # what names a loop begins with itself
    loop.operands = (loop, disable)
    branch.set_metadata("llvm.loop", loop)


def _signature(rows: Any, row_of: Any, arcs: Any, *more: Any) -> Any:
    for array in (rows, arcs):
        if not isinstance(array, types.Array) or array.dtype not in (types.int32, types.int64):
            raise TypingError("rows and arcs are arrays of int32 or of int64")
    if rows.dtype != arcs.dtype:
        raise TypingError("rows and arcs have one dtype")
    i64 = types.int64
    return types.void(rows, row_of, arcs, i64, i64, i64, i64, i64, *more)


def make_pull(lanes: int) -> Callable[..., None]:
    """Make a kernel that lets a node take the best from the heads of its arcs.

    Parameters
    ----------
    lanes : int
        Values in a row.

    Returns
    -------
    callable
        ``pull(rows, row_of, arcs, stride, offset, begin, end, row, keep)`` for use in
        compiled code. Arc a has its head at ``arcs[stride * a]`` and its weight `offset`
        further; the row of a head is ``row_of[head]``, or the head itself if `row_of` is
        None. Arcs `begin` to `end` are relaxed into a row, which starts from what it
        holds if `keep`, else from far away.
    """

    @intrinsic
    def _pull(
        _context: Any, rows: Any, row_of: Any, arcs: Any, _stride: Any, _offset: Any,
        _begin: Any, _end: Any, _row: Any, _keep: Any,
    ) -> Any:  # fmt: skip
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            begin, end, row, keep = values[5:]
            rows = _Rows(context, builder, signature.args[0], values[0], lanes)
            arcs = _Arcs(context, builder, signature, values, rows)
            entry = builder.block
            held, start, loop, done = (
                builder.append_basic_block(name) for name in ("held", "start", "loop", "done")
            )
            builder.cbranch(keep, held, start)
            builder.position_at_end(held)
            before = rows.load(row)
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
            head, weight = arcs.load(arc)
            better = rows.least(builder.add(rows.load(head), weight), best)
            following = builder.add(arc, ir.Constant(_I64, 1))
            arc.add_incoming(following, loop)
            best.add_incoming(better, loop)
            again = builder.cbranch(builder.icmp_signed("<", following, end), loop, done)
            _keep_rolled(builder, again)
            builder.position_at_end(done)
            last = builder.phi(rows.vector)
            last.add_incoming(first, start)
            last.add_incoming(better, loop)
            rows.store(last, row)
            return context.get_dummy_value()

        return _signature(rows, row_of, arcs, types.boolean), _emit

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
        ``push(rows, row_of, arcs, stride, offset, begin, end, row)``, as `make_pull` has
        it.
    """

    @intrinsic
    def _push(
        _context: Any, rows: Any, row_of: Any, arcs: Any, _stride: Any, _offset: Any,
        _begin: Any, _end: Any, _row: Any,
    ) -> Any:  # fmt: skip
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            begin, end, row = values[5:]
            rows = _Rows(context, builder, signature.args[0], values[0], lanes)
            arcs = _Arcs(context, builder, signature, values, rows)
            own = rows.load(row)
            entry = builder.block
            loop, done = (builder.append_basic_block(name) for name in ("loop", "done"))
            builder.cbranch(builder.icmp_signed("<", begin, end), loop, done)
            builder.position_at_end(loop)
            arc = builder.phi(_I64)
            arc.add_incoming(begin, entry)
            head, weight = arcs.load(arc)
            rows.store(rows.least(builder.add(own, weight), rows.load(head)), head)
            following = builder.add(arc, ir.Constant(_I64, 1))
            arc.add_incoming(following, loop)
            again = builder.cbranch(builder.icmp_signed("<", following, end), loop, done)
            _keep_rolled(builder, again)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return _signature(rows, row_of, arcs), _emit

    return _push


def make_copy(lanes: int, *, stream: bool = False) -> Callable[..., None]:
    """Make a kernel that copies a row.

    Parameters
    ----------
    lanes : int
        Values in a row.
    stream : bool
        Write past the caches, for what is not read soon; `others` must begin at a
        multiple of `ALIGNMENT` bytes, as must each row.

    Returns
    -------
    callable
        ``copy(rows, row, others, other)`` for use in compiled code: row `row` of `rows`
        becomes row `other` of `others`.
    """

    @intrinsic
    def _copy(_context: Any, rows: Any, _row: Any, others: Any, _other: Any) -> Any:
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            one, other = (
                _Rows(context, builder, signature.args[place], values[place], lanes)
                for place in (0, 2)
            )
            copied = one.load(values[1])
            if stream:
                store = builder.store(copied, other.place(values[3]))
                store.align = ALIGNMENT
                yes = builder.module.add_metadata([ir.Constant(_I32, 1)])
                store.set_metadata("nontemporal", yes)
            else:
                other.store(copied, values[3])
            return context.get_dummy_value()

        i64 = types.int64
        return types.void(rows, i64, others, i64), _emit

    return _copy


def make_prefetch() -> Callable[..., None]:
    """Make a kernel that fetches what will be read soon into the cache.

    Returns
    -------
    callable
        ``prefetch(values, index)`` for use in compiled code; the index may lie outside.
    """
    insert: Any = cgutils.get_or_insert_function

    @intrinsic
    def _prefetch(_context: Any, values: Any, _index: Any) -> Any:
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            data = _data(context, builder, signature.args[0], values[0])
            byte = ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
            place = builder.bitcast(builder.gep(data, [values[1]]), byte)
            reading, often, data_cache = (ir.Constant(_I32, value) for value in (0, 3, 1))
            function = insert(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, [place, reading, often, data_cache])
            return context.get_dummy_value()

        return types.void(values, types.int64), _emit

    return _prefetch


def make_join(lanes: int) -> Callable[..., None]:
    """Make a kernel that offers a way of two parts.

    Parameters
    ----------
    lanes : int
        Values in a row.

    Returns
    -------
    callable
        ``join(rows, first, second, whole)`` for use in compiled code: row
        `whole` becomes the lesser of itself and of the sum of rows
        `first` and `second`.
    """

    @intrinsic
    def _join(_context: Any, rows: Any, _first: Any, _second: Any, _whole: Any) -> Any:
        def _emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            first, second, whole = values[1:]
            rows = _Rows(context, builder, signature.args[0], values[0], lanes)
            through = builder.add(rows.load(first), rows.load(second))
            rows.store(rows.least(through, rows.load(whole)), whole)
            return context.get_dummy_value()

        i64 = types.int64
        return types.void(rows, i64, i64, i64), _emit

    return _join
