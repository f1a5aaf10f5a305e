// One month of one obligor in LANES scenarios: month.py and accounts.py, equation by equation and in their order.
//
// What the scenarios share is read once for all of them. Contraction is off, so that a line gives the same bits in every
// kernel that it is compiled into; `fma` is written where it is meant.
#include "normals.cuh"
#include "structures.cuh"

constexpr real TINY_USD = real(1e-3), TINY_RATE = real(1e-9);
constexpr int CHANNEL_BITS = CLOSES - 1;  // CLOSES is a power of two
enum Cause { ALIVE = 0, PAYMENT = 1, MARGIN = 2, REFINANCING = 3 };

// A number for each of LANES scenarios, read and written as one.
struct alignas(sizeof(real) * LANES < 16 ? sizeof(real) * LANES : 16) Lanes {
    real x[LANES];
};

// An obligor's place in the panels of 32.
struct Place {
    int i, panel, place;
};

DEVICE Place place_of(int i) { return {i, i / WARP, i % WARP}; }

// An obligor's accounts; those of a defaulted one are its estate.
struct Accounts {
    real shock, cash, coins, pledged, prepaid, cure, guarantee;
};

// Month t of scenarios s0 to s0 + LANES - 1, in shared memory.
struct Month {
    int t, s0;
    const Lanes *cash, *seen;  // [C]; [V] prices after last month's impact
    const Lanes* rate_before;  // short rate at the end of month t-1
};

// What all scenarios share of an obligor's month.
struct Dues {
    real balance_before, balance, service, floating, balloon;
};

// What the month brings one scenario before anybody acts.
struct Reading {
    real debt, due, cfads, secured, coin_price;
};

DEVICE real positive(real x) { return x > 0 ? x : real(0); }
DEVICE real smaller(real a, real b) { return a < b ? a : b; }
DEVICE real larger(real a, real b) { return a > b ? a : b; }

DEVICE const Terms& terms_of(const Book& book, Place o) { return book.terms[o.panel]; }
DEVICE const Links& links_of(const Book& book, Place o) { return book.links[o.panel]; }

DEVICE const Schedule& schedule_of(const Book& book, Place o, int t) {
    return book.schedule[o.panel * (int(book.months) + 1) + t];
}

// Is there scheduled debt at the start of month t?
DEVICE bool owes(const Book& book, int t, Place o) { return schedule_of(book, o, t - 1).balance_usd[o.place] > 0; }

DEVICE Accounts opening(const Book& book, Place o) {
    const Terms& own = terms_of(book, o);
    return {real(0), own.cash_usd[o.place], own.coins[o.place], own.pledged_coins[o.place], real(0),
            own.cure_usd[o.place], own.guarantee_usd[o.place]};
}

DEVICE Dues dues_of(const Book& book, Place o, int t) {
    const Schedule &before = schedule_of(book, o, t - 1), &now = schedule_of(book, o, t);
    return {before.balance_usd[o.place], now.balance_usd[o.place], now.service_usd[o.place], now.floating_usd[o.place],
            now.balloon_usd[o.place]};
}

DEVICE int death_month(const Book& book, const World& world, int s, int counterparty) {
    return world.death_month[s * int(book.counterparties) + counterparty];
}

// Capacity sold at market, net of its power; what cannot earn its power is idled, each kind for itself.
DEVICE Lanes merchant_income(const Book& book, const Month& now, Place o) {
    Lanes income = {}, kind = {};
    for (int e = 0; e < book.income_terms; ++e) {
        const int entry = o.panel * int(book.income_terms) + e, channel = book.income_channel[entry].channel[o.place];
        if (channel < 0) break;
        const real exposure = book.income_exposure[entry].exposure[o.place];
        const Lanes price = now.cash[channel & CHANNEL_BITS];
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) kind.x[lane] = fma(price.x[lane], exposure, kind.x[lane]);
        if (!(channel & CLOSES)) continue;
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) income.x[lane] += positive(kind.x[lane]);
        kind = {};
    }
    return income;
}

// What a contract's capacity would earn at market.
DEVICE Lanes released_income(const Book& book, const Month& now, Place o, int contract) {
    Lanes market = {};
    for (int e = 0; e < book.released_terms; ++e) {
        const int entry = (o.panel * int(book.contracts) + contract) * int(book.released_terms) + e;
        const int channel = book.released_channel[entry].channel[o.place];
        if (channel < 0) break;
        const real exposure = book.released_exposure[entry].exposure[o.place];
        const Lanes price = now.cash[channel & CHANNEL_BITS];
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) market.x[lane] = fma(price.x[lane], exposure, market.x[lane]);
    }
    return market;
}

// Merchant and contracted income net of power.
DEVICE Lanes operating_cash(const Book& book, const World& world, const Month& now, Place o) {
    Lanes income = merchant_income(book, now, o);
    for (int j = 0; j < book.contracts; ++j) {
        const int contract = o.panel * int(book.contracts) + j, end = book.contract_dates[contract].end_month[o.place];
        const int offtaker = book.contract_dates[contract].offtaker[o.place], relet = int(book.relet_months);
        int last[LANES];
        bool released = false;
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) {
            const bool there = now.s0 + lane < world.scenarios;
            const int dies = offtaker != 0 && there ? death_month(book, world, now.s0 + lane, offtaker) : int(book.rows);
            last[lane] = end < dies ? end : dies - 1;
            released = released || now.t > last[lane] + relet;
        }
        const real revenue = book.contract_flows[contract].revenue_usd_month[o.place];
        const real power_usd = book.contract_flows[contract].power_usd_month[o.place];
        const Lanes power = now.cash[book.power_channel];
        const Lanes market = released ? released_income(book, now, o, j) : Lanes{};
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) {
            if (now.t <= last[lane])
                income.x[lane] += revenue - power_usd * power.x[lane];
            else if (now.t > last[lane] + relet)
                income.x[lane] += positive(market.x[lane]);
        }
    }
    return income;
}

// Pledged assets without coins, at prices after last month's impact.
DEVICE Lanes pledged_assets(const Book& book, const Month& now, Place o) {
    Lanes secured = {};
    for (int e = 0; e < book.asset_terms; ++e) {
        const int entry = o.panel * int(book.asset_terms) + e, channel = book.asset_place[entry].channel[o.place];
        if (channel < 0) break;
        const real units = book.asset_units[entry].pledged[o.place];
        const Lanes price = now.seen[channel];
        UNROLL
        for (int lane = 0; lane < LANES; ++lane) secured.x[lane] = fma(price.x[lane], units, secured.x[lane]);
    }
    return secured;
}

// All assets and pledged coins in one scenario: what the sponsor and a new lender look at, which is rare.
OUTLINE real assets_in_all(const Book& book, const Lanes* seen, Place o, int lane, real pledged_coins) {
    real owned = 0;
    for (int e = 0; e < book.asset_terms; ++e) {
        const int entry = o.panel * int(book.asset_terms) + e, channel = book.asset_place[entry].channel[o.place];
        if (channel < 0) break;
        owned = fma(seen[channel].x[lane], book.asset_units[entry].units[o.place], owned);
    }
    return owned + pledged_coins * seen[book.coin_channel].x[lane];
}

// Take `need` USD from cash, coins, the sponsor while he has something to lose, and a guarantor alive; returns what is
// missing.
DEVICE real draw(Accounts& a, real need, real coin_price, bool sponsor_stays) {
    const real cash = smaller(need, a.cash);
    need -= cash;
    const real coins = smaller(need, a.coins * coin_price);
    need -= coins;
    const real cure = sponsor_stays ? smaller(need, a.cure) : real(0);
    need -= cure;
    const real guarantee = smaller(need, a.guarantee);
    a.cash -= cash;
    if (coins > 0) a.coins = positive(a.coins - coins * (1 / larger(coin_price, TINY_USD)));
    a.cure -= cure;
    a.guarantee -= guarantee;
    return need - guarantee;
}

// A guarantee ends with its guarantor.
DEVICE real guarantee_left(const Book& book, const World& world, int s, int t, Place o, real guarantee) {
    if (!(guarantee > 0)) return guarantee;
    return death_month(book, world, s, links_of(book, o).guarantor[o.place]) > t ? guarantee : real(0);
}

// What a new lender gives: the smaller of LTV times value and what CFADS carries at his DSCR over an annuity.
OUTLINE real borrowable(const Book& book, const World& world, int row, Place o, real value, real cfads) {
    const Terms& own = terms_of(book, o);
    const int regime = world.regime[row];
    const real rate = larger((world.short_rate[row] + book.market_spread[regime]) / 12, TINY_RATE);
    const real payment = rate / -expm1(-own.tenor_months[o.place] * log1p(rate));
    const real max_ltv = own.refi_ltv[o.place] < 0 ? book.market_ltv[regime] : own.refi_ltv[o.place];
    const real min_dscr = own.refi_dscr[o.place] < 0 ? book.market_dscr[regime] : own.refi_dscr[o.place];
    const real carried = positive(cfads) / larger(min_dscr * payment, TINY_RATE);
    return min_dscr > 0 ? smaller(max_ltv * value, carried) : max_ltv * value;
}

// Refill the reserve; the excess leaves to equity, is trapped and swept while a covenant is breached, or waits for the
// balloon of the same month. Returns the share of the debt that is prepaid.
DEVICE real distribute(const Terms& own, int place, Accounts& a, const Reading& seen, real debt_left, bool balloon_due) {
    const real dscr = own.covenant_dscr[place];
    const bool low_cover = dscr > 0 && seen.cfads < dscr * larger(seen.due, TINY_USD);
    const bool breach = low_cover || seen.debt > own.covenant_ltv[place] * larger(seen.secured, TINY_USD);
    const real target = larger(own.reserve_months[place] * seen.due, own.reserve_floor_usd[place]);
    const real excess = positive(a.cash - target);
    real swept = 0, kept = balloon_due ? excess : real(0);
    if (breach) {
        kept = excess;
        swept = smaller(own.sweep_share[place] * excess, debt_left);
    }
    a.cash = a.cash - excess + kept - swept;
    if (swept >= debt_left) return 1;
    return swept > 0 ? swept / larger(debt_left, TINY_USD) : real(0);
}

// Pledge free coins until the LTV is restored; did they not suffice?
DEVICE bool fails_margin_call(const Terms& own, int place, Accounts& a, const Reading& seen) {
    if (!(seen.debt > own.margin_call_ltv[place] * larger(seen.secured, TINY_USD))) return false;
    const real per_usd = 1 / larger(seen.coin_price, TINY_USD);
    const real missing = (seen.debt / own.margin_restore_ltv[place] - seen.secured) * per_usd;
    const real posted = smaller(positive(missing), a.coins);
    const bool failed = missing > a.coins;
    a.coins -= posted;
    a.pledged += posted;
    return failed;
}

struct Drawn {
    Accounts accounts;
    real missing;
};

// Place the month's balloon: what no new lender gives comes from the accounts.
OUTLINE Drawn refinance(const Book& book, const World& world, Month now, int lane, Place o, Dues dues, Reading seen,
                        Accounts a) {
    const real balloon = (1 - a.prepaid) * dues.balloon, staying = (1 - a.prepaid) * dues.balance;
    const real value = assets_in_all(book, now.seen, o, lane, a.pledged);
    const int s = now.s0 + lane, row = s * int(book.rows) + now.t;
    const real missing = positive(balloon - positive(borrowable(book, world, row, o, value, seen.cfads) - staying));
    if (!(missing > 0)) return {a, real(0)};
    a.guarantee = guarantee_left(book, world, s, now.t, o, a.guarantee);
    const real unpaid = draw(a, missing, seen.coin_price, balloon + staying < value);
    return {a, unpaid};
}

// The month of an obligor that owes debt, in one scenario: accounts move on, or stay as its estate if it defaults;
// returns the cause.
DEVICE int act(
    const Book& book, const World& world, const Month& now, int lane, Place o, Dues dues, Reading seen, Accounts& a) {
    const Accounts before = a;
    const Terms& own = terms_of(book, o);
    const int s = now.s0 + lane;
    const real scale = 1 - a.prepaid, surplus = seen.cfads - seen.due;
    real unpaid = 0;
    if (surplus < 0) {
        a.guarantee = guarantee_left(book, world, s, now.t, o, a.guarantee);
        const bool sponsor_stays = seen.debt < assets_in_all(book, now.seen, o, lane, a.pledged);
        unpaid = draw(a, -surplus, seen.coin_price, sponsor_stays);
    } else
        a.cash += surplus;
    const real prepaid = distribute(own, o.place, a, seen, scale * (dues.balance + dues.balloon), dues.balloon > 0);
    a.prepaid = prepaid == 1 ? real(1) : a.prepaid + scale * prepaid;
    const bool failed_call = fails_margin_call(own, o.place, a, seen);

    real gap = 0;
    if (dues.balloon > 0) {
        const Drawn placed = refinance(book, world, now, lane, o, dues, seen, a);
        a = placed.accounts;
        gap = placed.missing;
    }

    const int cause = unpaid > 0 ? PAYMENT : failed_call ? MARGIN : gap > 0 ? REFINANCING : ALIVE;
    if (cause != ALIVE) {
        a = before;
        a.cash += positive(seen.cfads);
        a.guarantee = guarantee_left(book, world, s, now.t, o, a.guarantee);
    }
    return cause;
}
