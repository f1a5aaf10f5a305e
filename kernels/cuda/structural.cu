// The structural model on a GPU: one thread walks one obligor through all months of LANES scenarios at a time.
//
// Price impact is all that an obligor sees of the others. Once it is known, obligors are independent, so `tally_walk`
// needs no barrier and keeps accounts in registers. Two ways lead to it, and to the same numbers:
//
//   settle_in_block, settle_in_cluster: all obligors walk together, with a barrier each month; for books that a block
//       or a cluster of blocks can hold.
//   sales_walk and reprice: everybody walks in the price impact of the last pass (none in the first), then prices follow
//       from what was sold, until they stay as they were. Month t's tests see only the sales of earlier months, so each
//       pass makes one more month right at least, and what stays as it was is the one solution.
#include "recovery.cuh"

constexpr int BLOCK = THREADS;  // threads; THREADS and LANES are set by whoever compiles this
constexpr int WINDOW = 12;      // months whose world is in shared memory at a time

struct Window {
    real* rows;
    int width;

    DEVICE_MEMBER real* row(int lane, int t) const { return rows + (lane * WINDOW + (t - 1) % WINDOW) * width; }
};

// Rows of [C] cash, [V] prices, the last month's short rate and the discount factor.
DEVICE Window window_of(const Book& book) {
    return {reinterpret_cast<real*>(shared_memory()), int(book.cash_channels + book.value_channels) + 2};
}

// Bring months first..first+WINDOW-1 of LANES scenarios into shared memory, prices after last month's impact if asked.
DEVICE void load(const Book& book, const World& world, Window window, int s0, int first, int last, bool impaired) {
    const int cash = int(book.cash_channels), channels = int(book.value_channels), rows = int(book.rows);
    const int cells = (last - first + 1) * window.width;
    for (int cell = thread_index(); cell < LANES * cells; cell += block_threads()) {
        const int lane = cell / cells, t = first + cell % cells / window.width, column = cell % window.width;
        const int s = s0 + lane;
        if (s >= world.scenarios) continue;
        const int place = s * rows + t, v = column - cash;
        real value;
        if (v < 0)
            value = world.cash[place * cash + column];
        else if (v < channels) {
            value = world.price[place * channels + v];
            if (impaired) value *= world.price_impact[(s * (int(book.months) + 1) + t - 1) * channels + v];
        } else
            value = v == channels ? world.short_rate[place - 1] : world.discount[place];
        window.row(lane, t)[column] = value;
    }
}

// Where an obligor is in one scenario.
struct Walk {
    Accounts accounts;
    real paid;  // discounted debt that paid interest, USD months
    FourNormals<real> normals;
    bool going;
};

DEVICE void begin(const Book& book, const World& world, Walk& walk, int i, int s) {
    walk.going = i < book.obligors && s < world.scenarios && book.last_owing[i] > 0;
    walk.paid = 0;
    if (walk.going) walk.accounts = opening(book, i);
}

DEVICE real next_normal(const Book& book, const World& world, Walk& walk, int i, int s, int t) {
    if ((t - 1) % 4 == 0) {
        const Key key = {static_cast<word>(book.key_0), static_cast<word>(book.key_1)};
        const Stream stream = {book.stream_0[i], book.stream_1[i]};
        walk.normals = four_normals<real>(words(key, world.scenario[s], stream, OBLIGOR_SHOCK, (t - 1) / 4));
    }
    const real normal = walk.normals.n0;
    walk.normals = {walk.normals.n1, walk.normals.n2, walk.normals.n3, normal};
    return normal;
}

// One month of one obligor; returns the cause of its default. A default and the end of its debt end the walk.
DEVICE int step(const Book& book, const World& world, const Month& now, int i, Walk& walk, Reading& seen) {
    const real normal = next_normal(book, world, walk, i, now.s, now.t);
    Accounts& a = walk.accounts;
    a.shock = fma(real(book.shock_persistence), a.shock, book.innovation_sd[i] * normal);
    if (!owes(book, now.t, i)) return ALIVE;
    seen = read_month(book, world, now, i, a);
    const int cause = act(book, world, now, i, seen, a);
    walk.going = cause == ALIVE && a.prepaid < 1 && now.t < book.last_owing[i];
    return cause;
}

// Add a defaulted obligor's assets to what is sold, [V] quanta.
DEVICE void offer(const Book& book, int i, int* sold) {
    for (int e = 0; e < book.asset_terms; ++e) {
        const int channel = book.asset_channel[at(book, e, i)];
        if (channel < 0) break;
        add(&sold[channel], book.asset_quanta[at(book, e, i)]);
    }
}

// Early warning looks at every eighth scenario.
DEVICE bool is_watched(const World& world, int s) { return world.scenario[s] % 8 == 0; }

enum Pass { SALES, TALLY };

template <Pass pass>
DEVICE void finish_month(const Book& book, const World& world, const Sums& sums, const Month& now, int i, int cause,
                         Walk& walk, const Reading& seen, const Accounts& before, real discount) {
    if (pass == SALES) {
        const int row = now.s * (int(book.months) + 1) + now.t;
        if (cause != ALIVE) offer(book, i, world.sold + row * int(book.value_channels));
        return;
    }
    if (is_watched(world, now.s)) tally_signs(book, world, sums, now.s, now.t, i, seen, before.pledged);
    if (cause != ALIVE) {
        tally_losses(book, world, sums, now.s, now.t, i, walk.accounts, walk.paid);
        tally_default(book, sums, now.s, now.t, i, cause, seen.debt);
        tally_departure(book, world, sums, now.s, now.t, i);
    } else {
        walk.paid += seen.debt * discount;
        if (before.prepaid > 0)
            add(&sums.not_carried[at(book, now.t - 1, i)],
                carried_units((1 - before.prepaid) * discount) - carried_units(discount));
        if (!(walk.accounts.prepaid < 1)) tally_departure(book, world, sums, now.s, now.t + 1, i);
    }
    if (!walk.going) tally_end(book, sums, now.s, i, walk.paid);
}

// Walk a block's obligors through LANES scenarios from s0 on.
template <Pass pass>
DEVICE void walk_obligors(const Book& book, const World& world, const Sums& sums, int i, int s0) {
    const Window window = window_of(book);
    const int channels = int(book.cash_channels + book.value_channels), months = int(book.months);
    Walk walks[LANES];
    UNROLL
    for (int lane = 0; lane < LANES; ++lane) begin(book, world, walks[lane], i, s0 + lane);
    for (int first = 1; first <= months; first += WINDOW) {
        bool going = false;
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) going = going || walks[lane].going;
        if (!anybody(going)) break;
        const int last = first + WINDOW - 1 < months ? first + WINDOW - 1 : months;
        load(book, world, window, s0, first, last, true);
        block_barrier();
        for (int t = first; t <= last; ++t) {
            UNROLL
            for (int lane = 0; lane < LANES; ++lane) {
                Walk& walk = walks[lane];
                if (!walk.going) continue;
                const real* row = window.row(lane, t);
                const Month now = {t, s0 + lane, row, row + book.cash_channels, row[channels]};
                const Accounts before = walk.accounts;
                Reading seen;
                const int cause = step(book, world, now, i, walk, seen);
                if (owes(book, t, i))
                    finish_month<pass>(
                        book, world, sums, now, i, cause, walk, seen, before, row[channels + 1]);
            }
        }
        block_barrier();
    }
}

template <Pass pass>
DEVICE void walk_all(const Book& book, const World& world, const Sums& sums) {
    const int i = block_index_x() * block_threads() + thread_index();
    for (int s0 = block_index_y() * LANES; s0 < world.scenarios; s0 += grid_blocks_y() * LANES) {
        if (pass == SALES) {
            bool moved = false;
            for (int lane = 0; lane < LANES && s0 + lane < world.scenarios; ++lane) moved |= world.moved[s0 + lane] != 0;
            if (!moved) continue;
        }
        walk_obligors<pass>(book, world, sums, i, s0);
    }
}

KERNEL(BLOCK) tally_walk(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums sums) {
    walk_all<TALLY>(book, world, sums);
}

KERNEL(BLOCK) sales_walk(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums sums) {
    walk_all<SALES>(book, world, sums);
}

// Price impact of an inventory to which a month's quanta are added; month.sell.
DEVICE real impact_of(const Book& book, const World& world, int s, int t, int v, int sold, real& inventory) {
    const int channels = int(book.value_channels), regime = world.regime[s * int(book.rows) + t];
    const real added = static_cast<real>(sold) * book.quantum[v] * real(book.system_multiple);
    inventory = (1 - book.absorption[v]) * inventory + added;
    return larger(exp(-book.impact[v] * inventory / book.depth[regime * channels + v]), book.floor[v]);
}

// Prices after what was sold in the last pass; says which scenarios still move. Forgets the sales.
KERNEL(BLOCK) reprice(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums) {
    const int channels = int(book.value_channels), rows = int(book.months) + 1;
    const int cell = block_index_x() * block_threads() + thread_index(), s = cell / channels, v = cell % channels;
    if (s >= world.scenarios || world.moved[s] == 0) return;
    real inventory = 0;
    bool moved = false;
    for (int t = 1; t < rows; ++t) {
        const int place = (s * rows + t) * channels + v;
        const real impact = impact_of(book, world, s, t, v, world.sold[place], inventory);
        moved = moved || impact != world.price_impact[place];
        world.price_impact[place] = impact;
        world.sold[place] = 0;
    }
    if (moved) raise(&world.still_moving[s]);
}

// All obligors of LANES scenarios walk together, one thread each; price impact follows every month from what was sold.
template <int BLOCKS>
DEVICE void settle(const Book& book, const World& world) {
    const Window window = window_of(book);
    const int channels = int(book.value_channels), cells = LANES * channels, months = int(book.months);
    const int rank = BLOCKS > 1 ? rank_in_cluster() : 0, i = rank * block_threads() + thread_index();
    real* const seen_prices = window.rows + LANES * WINDOW * window.width;
    real* const impact = seen_prices + cells;
    real* const inventory = impact + cells;
    int* const sold = reinterpret_cast<int*>(inventory + cells);  // of even and of odd months
    for (int s0 = block_index_x() / BLOCKS * LANES; s0 < world.scenarios; s0 += grid_blocks_x() / BLOCKS * LANES) {
        Walk walks[LANES];
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) begin(book, world, walks[lane], i, s0 + lane);
        for (int cell = thread_index(); cell < cells; cell += block_threads()) {
            impact[cell] = 1;
            inventory[cell] = 0;
            sold[cell] = sold[cells + cell] = 0;
        }
        for (int t = 1; t <= months; ++t) {
            block_barrier();
            if ((t - 1) % WINDOW == 0) {
                const int last = t + WINDOW - 1 < months ? t + WINDOW - 1 : months;
                load(book, world, window, s0, t, last, false);
                block_barrier();
            }
            for (int cell = thread_index(); cell < cells; cell += block_threads()) {
                const int lane = cell / channels;
                seen_prices[cell] = window.row(lane, t)[book.cash_channels + cell % channels] * impact[cell];
            }
            block_barrier();
            int* const now_sold = sold + t % 2 * cells;
            UNROLL
            for (int lane = 0; lane < LANES; ++lane) {
                if (!walks[lane].going) continue;
                const real* row = window.row(lane, t);
                const real rate_before = row[window.width - 2];
                const Month now = {t, s0 + lane, row, seen_prices + lane * channels, rate_before};
                Reading seen;
                if (step(book, world, now, i, walks[lane], seen) != ALIVE)
                    offer(book, i, now_sold + lane * channels);
            }
            if (BLOCKS > 1)
                cluster_barrier();
            else
                block_barrier();
            for (int cell = thread_index(); cell < cells; cell += block_threads()) {
                const int s = s0 + cell / channels, v = cell % channels;
                sold[(t + 1) % 2 * cells + cell] = 0;
                if (s >= world.scenarios) continue;
                int total = 0;
                for (int other = 0; other < BLOCKS; ++other)
                    total += BLOCKS > 1 ? read_of_rank(now_sold + cell, other) : now_sold[cell];
                impact[cell] = impact_of(book, world, s, t, v, total, inventory[cell]);
                if (rank == 0) world.price_impact[(s * (months + 1) + t) * channels + v] = impact[cell];
            }
        }
        if (BLOCKS > 1) cluster_barrier();  // nobody leaves, or begins anew, while others read what it sold
    }
}

KERNEL(BLOCK) settle_in_block(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums) {
    settle<1>(book, world);
}

KERNEL(BLOCK) CLUSTER(CLUSTER_BLOCKS) settle_in_cluster(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums) {
    settle<CLUSTER_BLOCKS>(book, world);
}
