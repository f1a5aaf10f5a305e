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

// Constants in capitals that are not defined here are set by whoever compiles this: structural_layout.program.
constexpr int RESIDENT_THREADS = 384;  // of a multiprocessor: leaves a thread 168 registers, and nothing spills
constexpr int BLOCKS = RESIDENT_THREADS / THREADS > 0 ? RESIDENT_THREADS / THREADS : 1;

// The world of LANES scenarios in some months: rows of [C] cash, [V] prices, last month's short rate and the discount.
struct Window {
    Lanes* rows;
    int width;

    DEVICE_MEMBER Lanes* row(int t) const { return rows + (t - 1) % WINDOW * width; }
};

DEVICE Window window_of(const Book& book) {
    return {reinterpret_cast<Lanes*>(shared_memory()), int(book.cash_channels + book.value_channels) + 2};
}

// Bring months first to last of scenarios s0 on into shared memory, prices after last month's impact if asked.
DEVICE void load(const Book& book, const World& world, Window window, int s0, int first, int last, bool impaired) {
    const int cash = int(book.cash_channels), channels = int(book.value_channels), rows = int(book.rows);
    const int cells = (last - first + 1) * window.width;
    for (int n = thread_index(); n < LANES * cells; n += block_threads()) {
        const int lane = n / cells, t = first + n % cells / window.width, column = n % window.width, s = s0 + lane;
        if (s >= world.scenarios) continue;
        const int row = s * rows + t, v = column - cash;
        real value;
        if (v < 0)
            value = world.cash[row * cash + column];
        else if (v < channels) {
            value = world.price[row * channels + v];
            if (impaired) value *= world.price_impact[(s * (int(book.months) + 1) + t - 1) * channels + v];
        } else
            value = v == channels ? world.short_rate[row - 1] : world.discount[row];
        window.row(t)[column].x[lane] = value;
    }
}

// Where an obligor is in one scenario.
struct Walk {
    Accounts accounts;
    real paid;  // discounted debt that paid interest, USD months
    FourNormals<real> normals;
    bool going;
};

DEVICE void begin(const Book& book, const World& world, Walk& walk, Place o, int s) {
    walk.going = o.i < book.obligors && s < world.scenarios && links_of(book, o).last_owing[o.place] > 0;
    walk.paid = 0;
    if (walk.going) walk.accounts = opening(book, o);
}

DEVICE real next_normal(const Book& book, const World& world, Walk& walk, Place o, int s, int t) {
    if ((t - 1) % 4 == 0) {
        const Key key = {static_cast<word>(book.key_0), static_cast<word>(book.key_1)};
        const Stream stream = {book.stream_0[o.i], book.stream_1[o.i]};
        walk.normals = four_normals<real>(words(key, world.scenario[s], stream, OBLIGOR_SHOCK, (t - 1) / 4));
    }
    const real normal = walk.normals.n0;
    walk.normals = {walk.normals.n1, walk.normals.n2, walk.normals.n3, normal};
    return normal;
}

// Add a defaulted obligor's assets to what is sold: quanta of channel v go to sold[v * stride].
DEVICE void offer(const Book& book, Place o, int* sold, int stride) {
    for (int e = 0; e < book.asset_terms; ++e) {
        const AssetPlace& asset = book.asset_place[o.panel * int(book.asset_terms) + e];
        if (asset.channel[o.place] < 0) break;
        add(&sold[asset.channel[o.place] * stride], asset.quanta[o.place]);
    }
}

// One month of one obligor in all lanes. `finish(lane, cause, walk, seen, before)` is called for every lane in which it
// owed debt. A default and the end of its debt end a walk.
template <class Finish>
DEVICE void step(const Book& book, const World& world, const Month& now, Place o, Walk (&walks)[LANES], Finish finish) {
    const Terms& own = terms_of(book, o);
    const real innovation_sd = own.innovation_sd[o.place], fixed_cost = own.fixed_cost_usd_month[o.place];
    UNROLL
    for (int lane = 0; lane < LANES; ++lane) {
        Walk& walk = walks[lane];
        if (!walk.going) continue;
        const real innovation = innovation_sd * next_normal(book, world, walk, o, now.s0 + lane, now.t);
        walk.accounts.shock = fma(real(book.shock_persistence), walk.accounts.shock, innovation);
    }
    const Dues dues = dues_of(book, o, now.t);
    if (!(dues.balance_before > 0)) return;
    const Lanes income = operating_cash(book, world, now, o), assets = pledged_assets(book, now, o);
    const bool last_month = now.t >= links_of(book, o).last_owing[o.place];
    UNROLL
    for (int lane = 0; lane < LANES; ++lane) {
        Walk& walk = walks[lane];
        if (!walk.going) continue;
        const Accounts before = walk.accounts;
        const real scale = 1 - before.prepaid, coin_price = now.seen[book.coin_channel].x[lane];
        const Reading seen = {scale * dues.balance_before,
                              scale * (dues.service + dues.floating * now.rate_before->x[lane]),
                              positive(1 + before.shock) * income.x[lane] - fixed_cost,
                              assets.x[lane] + before.pledged * coin_price, coin_price};
        const int cause = act(book, world, now, lane, o, dues, seen, walk.accounts);
        walk.going = cause == ALIVE && walk.accounts.prepaid < 1 && !last_month;
        finish(lane, cause, walk, seen, before);
    }
}

DEVICE bool any_going(const Walk (&walks)[LANES]) {
    bool going = false;
    UNROLL
    for (int lane = 0; lane < LANES; ++lane) going = going || walks[lane].going;
    return going;
}

// Early warning looks at one scenario in so many.
DEVICE bool is_watched(const World& world, int s) { return world.scenario[s] % WATCHED_EVERY == 0; }

enum Pass { SALES, TALLY };

template <Pass pass>
DEVICE void finish_month(const Book& book, const World& world, const Sums& sums, int s, int t, Place o, int cause,
                         Walk& walk, const Reading& seen, const Accounts& before, real discount) {
    if (pass == SALES) {
        const int row = s * (int(book.months) + 1) + t;
        if (cause != ALIVE) offer(book, o, world.sold + row * int(book.value_channels), 1);
        return;
    }
    if (is_watched(world, s)) tally_signs(book, world, sums, s, t, o, seen, before.pledged);
    if (cause != ALIVE) {
        tally_losses(book, world, sums, s, t, o, walk.accounts, walk.paid);
        tally_default(book, sums, s, t, o, cause, seen.debt);
        tally_departure(book, world, sums, s, t, o);
    } else {
        walk.paid += seen.debt * discount;
        if (before.prepaid > 0)
            add(not_carried(book, sums, t, o), carried_units((1 - before.prepaid) * discount) - carried_units(discount));
        if (!(walk.accounts.prepaid < 1)) tally_departure(book, world, sums, s, t + 1, o);
    }
    if (!walk.going) tally_end(book, sums, s, o, walk.paid);
}

// Walk a block's obligors through LANES scenarios from s0 on.
template <Pass pass>
DEVICE void walk_obligors(const Book& book, const World& world, const Sums& sums, Place o, int s0) {
    const Window window = window_of(book);
    const int months = int(book.months);
    Walk walks[LANES];
    UNROLL
    for (int lane = 0; lane < LANES; ++lane) begin(book, world, walks[lane], o, s0 + lane);
    for (int first = 1; first <= months; first += WINDOW) {
        if (!anybody(any_going(walks))) break;
        const int last = first + WINDOW - 1 < months ? first + WINDOW - 1 : months;
        load(book, world, window, s0, first, last, true);
        block_barrier();
        for (int t = first; t <= last && any_going(walks); ++t) {
            const Lanes* row = window.row(t);
            const Lanes *rate_before = row + window.width - 2, *discount = row + window.width - 1;
            step(book, world, {t, s0, row, row + book.cash_channels, rate_before}, o, walks,
                 [&](int lane, int cause, Walk& walk, const Reading& seen, const Accounts& before) {
                     finish_month<pass>(
                         book, world, sums, s0 + lane, t, o, cause, walk, seen, before, discount->x[lane]);
                 });
        }
        block_barrier();
    }
}

template <Pass pass>
DEVICE void walk_all(const Book& book, const World& world, const Sums& sums) {
    const Place o = place_of(block_index_x() * block_threads() + thread_index());
    for (int s0 = block_index_y() * LANES; s0 < world.scenarios; s0 += grid_blocks_y() * LANES) {
        if (pass == SALES) {
            bool moved = false;
            for (int lane = 0; lane < LANES && s0 + lane < world.scenarios; ++lane) moved |= world.moved[s0 + lane] != 0;
            if (!moved) continue;
        }
        walk_obligors<pass>(book, world, sums, o, s0);
    }
}

KERNEL(THREADS, BLOCKS) tally_walk(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums sums) {
    walk_all<TALLY>(book, world, sums);
}

KERNEL(THREADS, BLOCKS) sales_walk(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums sums) {
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
KERNEL(THREADS, BLOCKS) reprice(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums) {
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
template <int TEAM>
DEVICE void settle(const Book& book, const World& world) {
    const Window window = window_of(book);
    const int channels = int(book.value_channels), cells = LANES * channels, months = int(book.months);
    const int rank = TEAM > 1 ? rank_in_cluster() : 0;
    const Place o = place_of(rank * block_threads() + thread_index());
    Lanes* const seen_prices = window.rows + WINDOW * window.width;
    real* const impact = &seen_prices[channels].x[0];  // these and the sales in cells v * LANES + lane
    real* const inventory = impact + cells;
    int* const sold = reinterpret_cast<int*>(inventory + cells);  // of even and of odd months
    for (int s0 = block_index_x() / TEAM * LANES; s0 < world.scenarios; s0 += grid_blocks_x() / TEAM * LANES) {
        Walk walks[LANES];
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) begin(book, world, walks[lane], o, s0 + lane);
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
            const Lanes* row = window.row(t);
            for (int cell = thread_index(); cell < cells; cell += block_threads())
                seen_prices[cell / LANES].x[cell % LANES] =
                    row[book.cash_channels + cell / LANES].x[cell % LANES] * impact[cell];
            block_barrier();
            int* const now_sold = sold + t % 2 * cells;
            if (any_going(walks))
                step(book, world, {t, s0, row, seen_prices, row + window.width - 2}, o, walks,
                     [&](int lane, int cause, Walk&, const Reading&, const Accounts&) {
                         if (cause != ALIVE) offer(book, o, now_sold + lane, LANES);
                     });
            if (TEAM > 1)
                cluster_barrier();
            else
                block_barrier();
            for (int cell = thread_index(); cell < cells; cell += block_threads()) {
                const int s = s0 + cell % LANES, v = cell / LANES;
                sold[(t + 1) % 2 * cells + cell] = 0;
                if (s >= world.scenarios) continue;
                int total = 0;
                for (int other = 0; other < TEAM; ++other)
                    total += TEAM > 1 ? read_of_rank(now_sold + cell, other) : now_sold[cell];
                impact[cell] = impact_of(book, world, s, t, v, total, inventory[cell]);
                if (rank == 0) world.price_impact[(s * (months + 1) + t) * channels + v] = impact[cell];
            }
        }
        if (TEAM > 1) cluster_barrier();  // nobody leaves, or begins anew, while others read what it sold
    }
}

KERNEL(SETTLE_THREADS, 1) settle_in_block(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums) {
    settle<1>(book, world);
}

KERNEL(SETTLE_THREADS, 1) CLUSTER(CLUSTER_BLOCKS) settle_in_cluster(BY_VALUE Book book, BY_VALUE World world, BY_VALUE Sums) {
    settle<CLUSTER_BLOCKS>(book, world);
}
