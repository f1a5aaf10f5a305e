// One month of one obligor: month.py and accounts.py, equation by equation and in their order.
//
// Contraction is off, so that a line gives the same bits in every kernel that it is compiled into; `fma` is written
// where it is meant.
#include "normals.cuh"
#include "structures.cuh"

constexpr real TINY_USD = real(1e-3), TINY_RATE = real(1e-9);
constexpr int CLOSES = 1 << 16, CHANNEL = CLOSES - 1;  // structural_layout.CLOSES
enum Cause { ALIVE = 0, PAYMENT = 1, MARGIN = 2, REFINANCING = 3 };

// An obligor's accounts; those of a defaulted one are its estate.
struct Accounts {
    real shock, cash, coins, pledged, prepaid, cure, guarantee;
};

// The world of one scenario in month t, in shared memory but for what is rarely read.
struct Month {
    int t, s;
    const real *cash, *seen;  // [C]; [V] prices after last month's impact
    real rate_before;         // short rate at the end of month t-1
};

// What the month brings before anybody acts.
struct Reading {
    real debt, due, cfads, owned, secured, coin_price;
};

DEVICE int at(const Book& book, int row, int i) { return row * int(book.obligors) + i; }

// Is there scheduled debt at the start of month t?
DEVICE bool owes(const Book& book, int t, int i) { return book.balance_usd[at(book, t - 1, i)] > 0; }

DEVICE Accounts opening(const Book& book, int i) {
    return {real(0), book.cash_usd[i], book.coins[i], book.pledged_coins[i], real(0), book.cure_usd[i],
            book.guarantee_usd[i]};
}

DEVICE real positive(real x) { return x > 0 ? x : real(0); }
DEVICE real smaller(real a, real b) { return a < b ? a : b; }
DEVICE real larger(real a, real b) { return a > b ? a : b; }

// Merchant and contracted income net of power; capacity that cannot earn its power is idled, each kind for itself.
DEVICE real operating_cash(const Book& book, const World& world, const Month& now, int i) {
    real income = 0, kind = 0;
    for (int e = 0; e < book.income_terms; ++e) {
        const int channel = book.income_channel[at(book, e, i)];
        if (channel < 0) break;
        kind = fma(now.cash[channel & CHANNEL], book.income_exposure[at(book, e, i)], kind);
        if (channel & CLOSES) {
            income += positive(kind);
            kind = 0;
        }
    }
    for (int j = 0; j < book.contracts; ++j) {
        const int end = book.contract_end_month[at(book, j, i)];
        const int dies = world.death_month[now.s * int(book.counterparties) + book.offtaker[at(book, j, i)]];
        const int last = end < dies ? end : dies - 1;
        if (now.t <= last) {
            const real power = book.contract_power_usd_month[at(book, j, i)] * now.cash[book.power_channel];
            income += book.revenue_usd_month[at(book, j, i)] - power;
        } else if (now.t > last + book.relet_months) {
            real market = 0;
            for (int e = 0; e < book.released_terms; ++e) {
                const int place = at(book, j * int(book.released_terms) + e, i), channel = book.released_channel[place];
                if (channel < 0) break;
                market = fma(now.cash[channel & CHANNEL], book.released_exposure[place], market);
            }
            income += positive(market);
        }
    }
    return income;
}

// Debt, service, cash flow and collateral of the month. The shock has moved on already.
DEVICE Reading read_month(const Book& book, const World& world, const Month& now, int i, const Accounts& a) {
    const real scale = 1 - a.prepaid;
    const real floating = book.floating_usd[at(book, now.t, i)] * now.rate_before;
    Reading seen;
    seen.debt = scale * book.balance_usd[at(book, now.t - 1, i)];
    seen.due = scale * (book.service_usd[at(book, now.t, i)] + floating);
    seen.cfads = positive(1 + a.shock) * operating_cash(book, world, now, i) - book.fixed_cost_usd_month[i];
    seen.coin_price = now.seen[book.coin_channel];
    seen.owned = 0;
    seen.secured = 0;
    for (int e = 0; e < book.asset_terms; ++e) {
        const int channel = book.asset_channel[at(book, e, i)];
        if (channel < 0) break;
        seen.owned = fma(now.seen[channel], book.asset_units[at(book, e, i)], seen.owned);
        seen.secured = fma(now.seen[channel], book.asset_pledged[at(book, e, i)], seen.secured);
    }
    seen.secured += a.pledged * seen.coin_price;
    return seen;
}

// Take `need` USD from cash, coins, the sponsor while he has something to lose, and a guarantor alive; returns what is
// missing.
DEVICE real draw(Accounts& a, real need, real coin_price, bool sponsor_stays) {
    if (!(need > 0)) return need;
    const real cash = smaller(need, a.cash);
    need -= cash;
    const real coins = smaller(need, a.coins * coin_price);
    need -= coins;
    const real cure = sponsor_stays ? smaller(need, a.cure) : real(0);
    need -= cure;
    const real guarantee = smaller(need, a.guarantee);
    a.cash -= cash;
    a.coins = positive(a.coins - coins * (1 / larger(coin_price, TINY_USD)));
    a.cure -= cure;
    a.guarantee -= guarantee;
    return need - guarantee;
}

// What a new lender gives: the smaller of LTV times value and what CFADS carries at his DSCR over an annuity.
OUTLINE real borrowable(const Book& book, const World& world, int place, int i, real value, real cfads) {
    const int regime = world.regime[place];
    const real rate = larger((world.short_rate[place] + book.market_spread[regime]) / 12, TINY_RATE);
    const real payment = rate / -expm1(-book.tenor_months[i] * log1p(rate));
    const real max_ltv = book.refi_ltv[i] < 0 ? book.market_ltv[regime] : book.refi_ltv[i];
    const real min_dscr = book.refi_dscr[i] < 0 ? book.market_dscr[regime] : book.refi_dscr[i];
    const real carried = positive(cfads) / larger(min_dscr * payment, TINY_RATE);
    return min_dscr > 0 ? smaller(max_ltv * value, carried) : max_ltv * value;
}

// The month of an obligor that owes debt: accounts move on, or stay as its estate if it defaults; returns the cause.
DEVICE int act(const Book& book, const World& world, const Month& now, int i, const Reading& seen, Accounts& a) {
    const Accounts before = a;
    const real scale = 1 - a.prepaid, balloon_due = book.balloon_usd[at(book, now.t, i)];
    const real staying_due = book.balance_usd[at(book, now.t, i)];
    if (a.guarantee > 0 && world.death_month[now.s * int(book.counterparties) + book.guarantor[i]] <= now.t)
        a.guarantee = 0;
    const real guarantee = a.guarantee;
    const bool in_the_money = seen.debt < seen.owned + a.pledged * seen.coin_price;
    const real unpaid = draw(a, positive(seen.due - seen.cfads), seen.coin_price, in_the_money);

    const real cash = a.cash + positive(seen.cfads - seen.due);
    const real debt_left = scale * (staying_due + balloon_due);
    const real dscr = book.covenant_dscr[i];
    const bool low_cover = dscr > 0 && seen.cfads < dscr * larger(seen.due, TINY_USD);
    const bool breach = low_cover || seen.debt > book.covenant_ltv[i] * larger(seen.secured, TINY_USD);
    const real excess = positive(cash - larger(book.reserve_months[i] * seen.due, book.reserve_floor_usd[i]));
    const real kept = breach || balloon_due > 0 ? excess : real(0);
    const real swept = breach ? smaller(book.sweep_share[i] * excess, debt_left) : real(0);
    a.cash = cash - excess + kept - swept;
    if (swept >= debt_left)
        a.prepaid = 1;
    else if (swept > 0)
        a.prepaid += scale * (swept / larger(debt_left, TINY_USD));

    bool failed_call = false;
    const real secured = larger(seen.secured, TINY_USD);
    if (seen.debt > book.margin_call_ltv[i] * secured) {
        const real per_usd = 1 / larger(seen.coin_price, TINY_USD);
        const real missing = (seen.debt / book.margin_restore_ltv[i] - seen.secured) * per_usd;
        const real posted = smaller(positive(missing), a.coins);
        failed_call = missing > a.coins;
        a.coins -= posted;
        a.pledged += posted;
    }

    real gap = 0;
    if (balloon_due > 0) {
        const real balloon = (1 - a.prepaid) * balloon_due, staying = (1 - a.prepaid) * staying_due;
        const real value = seen.owned + a.pledged * seen.coin_price;
        const int place = now.s * int(book.rows) + now.t;
        const real placed = positive(borrowable(book, world, place, i, value, seen.cfads) - staying);
        gap = draw(a, positive(balloon - placed), seen.coin_price, balloon + staying < value);
    }

    const int cause = unpaid > 0 ? PAYMENT : failed_call ? MARGIN : gap > 0 ? REFINANCING : ALIVE;
    if (cause != ALIVE) {
        a = before;
        a.cash += positive(seen.cfads);
        a.guarantee = guarantee;
    }
    return cause;
}
