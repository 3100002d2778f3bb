/*
 * What the backtest is measured against: the same runs as plain loops in C, gcc -O3. Reads columns of doubles that the
 * bench has written, prints one line per repetition: milliseconds and the figures that must agree.
 *
 *   backtest bars  N FILE REPEAT                      SMA 20/50 cross, both sides, next-open fills, fee 6 bp
 *   backtest signals N FILE REPEAT COUNT SIGNALS      COUNT signals with stop, target, trailing stop and timeout, worse path
 *   backtest grid  N FILE REPEAT CONFIGS              martingale grid over a sweep of CONFIGS coverages and multipliers
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double *column(FILE *file, long n) {
  double *values = malloc(n * sizeof(double));
  if (fread(values, sizeof(double), n, file) != (size_t)n) exit(1);
  return values;
}

typedef struct { double peak, floor, worst, lowest, highest, leverage, distance; } gauge;

static inline void note(gauge *g, double equity) {
  if (equity >= g->peak) {
    g->peak = equity;
    g->floor = equity * (1 - g->worst);
  } else if (equity < g->floor) {
    g->worst = (g->peak - equity) / g->peak;
    g->floor = equity;
  }
}

/* Greatest leverage and least distance to liquidation since the position last changed. */
static inline void extremes(gauge *g, double base, double net, double liquidation) {
  double prices[2] = {g->lowest, g->highest};
  for (int k = 0; k < 2; k++) {
    double p = prices[k], leverage = fabs(net) * p / (base + net * p);
    double distance = net > 0 ? (p - liquidation) / p : (liquidation - p) / p;
    if (leverage > g->leverage) g->leverage = leverage;
    if (distance < g->distance) g->distance = distance;
  }
}

typedef struct { double time, price, amount, fee, realized, held; } fill;

/* ---- bars ---- */

typedef struct { double equity, worst; long fills; double checksum; } result;

static result run_bars(long n, const double *time, const double *open, const double *high, const double *low,
                       const double *close, double *wish, fill *fills) {
  double fast = 0, slow = 0;
  for (long i = 0; i < n; i++) {
    fast += close[i] - (i >= 20 ? close[i - 20] : 0);
    slow += close[i] - (i >= 50 ? close[i - 50] : 0);
    wish[i] = i < 49 ? 0 : fast / 20 > slow / 50 ? 0.01 : -0.01;
  }
  double balance = 10000, amount = 0, cost = 0, current = 0, liquidation = INFINITY;
  gauge g = {balance, balance, 0, 0, 0, 0, INFINITY};
  long count = 0;
  for (long i = 0; i < n; i++) {
    if (i > 0 && wish[i - 1] != current) {
      double p = open[i];
      current = wish[i - 1];
      if (amount != 0) {
        double realized = amount * p - cost, fee = fabs(amount) * p * 0.0006;
        if (p < g.lowest) g.lowest = p;
        if (p > g.highest) g.highest = p;
        extremes(&g, balance - cost, amount, liquidation);
        balance += realized - fee;
        fills[count++] = (fill){time[i], p, fabs(amount), fee, realized, 0};
        note(&g, balance);
      }
      double size = floor(fabs(current) * balance / p * 1e6 + 1e-9) / 1e6, fee = size * p * 0.0006;
      balance -= fee;
      amount = current > 0 ? size : -size;
      cost = amount * p;
      liquidation = current < 0 ? (size * p + size * p / 2) / (size * 1.005) : (size * p - size * p / 2) / (size * 0.995);
      fills[count++] = (fill){time[i], p, size, fee, 0, amount};
      note(&g, balance);
      g.lowest = g.highest = p;
    }
    if (amount > 0 ? low[i] <= liquidation : amount < 0 && high[i] >= liquidation) break;
    if (low[i] < g.lowest) g.lowest = low[i];
    if (high[i] > g.highest) g.highest = high[i];
    if (amount != 0) {
      const double path[4] = {open[i], high[i], low[i], close[i]};
      for (int k = 0; k < 4; k++) note(&g, balance - cost + amount * path[k]);
    }
  }
  double checksum = 0;
  for (long i = 0; i < count; i++) checksum += fills[i].realized - fills[i].fee;
  return (result){balance - cost + amount * close[n - 1], g.worst, count, checksum};
}

/* ---- signals ---- */

static double down(double value, double scale) { return floor(value * scale + 1e-9) / scale; }
static double up(double value, double scale) { return ceil(value * scale - 1e-9) / scale; }

typedef struct { double known, side, stop, take, distance, arm, timeout; } signal;
typedef struct { int state, armed; double amount, cost, stop, take, distance, arm, best, trail, timeout, deadline, wanted; } trade;
enum { NONE, COMING, HELD };

typedef struct { double balance; gauge g; trade side[2]; fill *fills; long count; } book;

static double base_of(const book *b) { return b->balance - b->side[0].cost + b->side[1].cost; }
static double net_of(const book *b) { return b->side[0].amount - b->side[1].amount; }

static void leave(book *b, int s, double time, double p, double rate) {
  trade *t = &b->side[s];
  double realized = (s ? -1 : 1) * (t->amount * p - t->cost), fee = t->amount * p * rate;
  b->balance += realized - fee;
  b->fills[b->count++] = (fill){time, p, t->amount, fee, realized, 0};
  t->state = NONE;
  t->amount = t->cost = 0;
  note(&b->g, base_of(b) + net_of(b) * p);
}

static void enter(book *b, int s, double time, double p) {
  trade *t = &b->side[s];
  double fee = p * t->wanted * 0.0006;
  t->state = HELD;
  t->amount = t->wanted;
  t->cost = t->amount * p;
  t->deadline = time + t->timeout;
  b->balance -= fee;
  b->fills[b->count++] = (fill){time, p, t->amount, fee, 0, t->amount};
  note(&b->g, base_of(b) + net_of(b) * p);
}

/* Equity at an extreme, on the path of the side that the net position is on. */
static void follow(book *b, int s, double p) {
  if ((net_of(b) > 0) == (s == 0)) note(&b->g, base_of(b) + net_of(b) * p);
}

/* What a candle does to one side, its adverse extreme first. `jump`: the opening, a price reached at once. */
static void pass(book *b, int s, double time, double against, double favour, int jump) {
  trade *t = &b->side[s];
  double sign = s ? -1 : 1, stop = t->stop;
  if (t->armed && sign * t->trail > sign * stop) stop = t->trail;
  if (sign * against <= sign * stop) {
    leave(b, s, time, jump ? against : stop, 0.0006);
    return;
  }
  if (!jump) follow(b, s, against);
  if (sign * favour > sign * t->take) leave(b, s, time, t->take, 0.0002);
  else if (!jump) follow(b, s, favour);
}

static void trail(trade *t, int s, double favour) {
  double sign = s ? -1 : 1;
  if (t->armed ? sign * favour <= sign * t->best : sign * favour < sign * t->arm) return;
  t->armed = 1;
  t->best = favour;
  t->trail = s ? up(favour * (1 + t->distance), 100) : down(favour * (1 - t->distance), 100);
}

static result run_signals(long n, double *const *c, long signals, const signal *given, fill *fills) {
  const double *time = c[0], *open = c[1], *high = c[2], *low = c[3], *close = c[4];
  book b = {10000, {10000, 10000, 0, 0, 0, 0, INFINITY}, {{0}}, fills, 0};
  long next = 0;
  for (long i = 1; i < n; i++) {
    for (; next < signals && given[next].known <= time[i]; next++) {
      const signal *g = &given[next];
      trade *t = &b.side[g->side > 0 ? 0 : 1];
      if (t->state != NONE) continue;
      *t = (trade){COMING, 0, 0, 0, g->stop, g->take, g->distance, g->arm, 0, 0, g->timeout, 0, down(1000 / close[i - 1], 1e6)};
    }
    if (b.side[0].state == NONE && b.side[1].state == NONE) continue;
    for (int s = 0; s < 2; s++)
      if (b.side[s].state == HELD && b.side[s].deadline <= time[i]) leave(&b, s, time[i], open[i], 0.0006);
    for (int s = 0; s < 2; s++) {
      if (b.side[s].state == HELD) pass(&b, s, time[i], open[i], open[i], 1);
      if (b.side[s].state == COMING) enter(&b, s, time[i], open[i]);
    }
    if (b.side[0].state == HELD || b.side[1].state == HELD) note(&b.g, base_of(&b) + net_of(&b) * open[i]);
    for (int s = 0; s < 2; s++) {
      if (b.side[s].state != HELD) continue;
      double against = s ? high[i] : low[i], favour = s ? low[i] : high[i];
      pass(&b, s, time[i], against, favour, 0);
      if (b.side[s].state == HELD) trail(&b.side[s], s, favour);
    }
    if (b.side[0].state == HELD || b.side[1].state == HELD) note(&b.g, base_of(&b) + net_of(&b) * close[i]);
  }
  return (result){base_of(&b) + net_of(&b) * close[n - 1], b.g.worst, b.count, b.balance};
}

/* ---- grid ---- */

#define LEVELS 8

static result run_grid(long n, const double *time, const double *price, double coverage, double multiplier, fill *fills) {
  const double leverage = 2, target = 0.01, wait = 60e6;
  double balance = 10000, amount = 0, cost = 0, liquidation = 0, take = 0;
  double prices[LEVELS], amounts[LEVELS];
  gauge g = {balance, balance, 0, 0, 0, 0, INFINITY};
  long count = 0, i = 1;
  int level = LEVELS;
  double last = price[0], resume = 0;
  int start = 1;
  while (i < n) {
    if (start) {
      double sum = 0, weight = 1;
      for (int k = 0; k < LEVELS; k++) sum += pow(multiplier, k);
      for (int k = 0; k < LEVELS; k++, weight *= multiplier) {
        prices[k] = down(last - last * coverage * k / (LEVELS - 1), 100);
        amounts[k] = down(balance * leverage / (sum * last) * weight, 1000);
      }
      level = 0;
      start = 0;
    }
    if (level == LEVELS && amount == 0) { /* waiting for the next grid */
      while (i < n && time[i] < resume) i++;
      if (i == n) break;
      last = price[i - 1];
      start = 1;
      continue;
    }
    if (level == 0) {
      double p = price[i], fee = p * amounts[0] * 0.0006;
      amount = amounts[0];
      cost = p * amount;
      balance -= fee;
      fills[count++] = (fill){time[i], p, amount, fee, 0, amount};
      take = up(cost / amount * (1 + target), 100);
      liquidation = (cost - cost / leverage) / (amount * 0.995);
      note(&g, balance - cost + amount * p);
      g.lowest = g.highest = p;
      level = 1;
      i++;
      continue;
    }
    double bound = level < LEVELS ? prices[level] : 0, base = balance - cost;
    double peak = g.peak, floor_ = g.floor, worst = g.worst, lowest = g.lowest, highest = g.highest;
    for (; i < n; i++) {
      double p = price[i];
      if (p < bound || p > take || p <= liquidation) break;
      if (p < lowest) lowest = p;
      else if (p > highest) highest = p;
      double equity = base + amount * p;
      if (equity >= peak) {
        peak = equity;
        floor_ = equity * (1 - worst);
      } else if (equity < floor_) {
        worst = (peak - equity) / peak;
        floor_ = equity;
      }
    }
    g = (gauge){peak, floor_, worst, lowest, highest, g.leverage, g.distance};
    if (i == n) break;
    double p = price[i];
    last = p;
    extremes(&g, base, amount, liquidation);
    if (p > take) {
      double fee = take * amount * 0.0002, realized = amount * take - cost;
      balance += realized - fee;
      fills[count++] = (fill){time[i], take, amount, fee, realized, 0};
      note(&g, balance);
      amount = cost = 0;
      level = LEVELS;
      resume = time[i] + wait;
    } else if (p <= liquidation && !(level < LEVELS && p < prices[level] && prices[level] > liquidation)) {
      balance -= cost / leverage;
      fills[count++] = (fill){time[i], p, amount, 0, -cost / leverage, 0};
      note(&g, balance);
      amount = cost = 0;
      level = LEVELS;
      resume = time[i] + wait;
    } else {
      while (level < LEVELS && p < prices[level]) {
        double fee = prices[level] * amounts[level] * 0.0002;
        amount += amounts[level];
        cost += amounts[level] * prices[level];
        balance -= fee;
        fills[count++] = (fill){time[i], prices[level], amounts[level], fee, 0, amount};
        note(&g, balance - cost + amount * prices[level]);
        level++;
      }
      take = up(cost / amount * (1 + target), 100);
      liquidation = (cost - cost / leverage) / (amount * 0.995);
      note(&g, balance - cost + amount * p);
      g.lowest = g.highest = p;
    }
    i++;
  }
  return (result){balance - cost + amount * price[n - 1], g.worst, count, balance};
}

int main(int argc, char **argv) {
  (void)argc;
  long n = atol(argv[2]);
  FILE *file = fopen(argv[3], "rb");
  int repeat = atoi(argv[4]);
  fill *fills = malloc(n * sizeof(fill) / 4 + 1024);
  memset(fills, 0, n * sizeof(fill) / 4 + 1024);
  int is_bars = strcmp(argv[1], "bars") == 0, is_signals = strcmp(argv[1], "signals") == 0;
  double *columns[5];
  for (int c = 0; c < (is_bars || is_signals ? 5 : 2); c++) columns[c] = column(file, n);
  long signals = is_signals ? atol(argv[5]) : 0;
  signal *given = malloc(signals * sizeof(signal) + 8);
  if (is_signals && fread(given, sizeof(signal), signals, fopen(argv[6], "rb")) != (size_t)signals) return 1;
  for (int r = 0; r < repeat; r++) {
    double begin = now_ms();
    result total = {0, 0, 0, 0};
    if (is_bars) {
      /* As every run of the other side does, this one makes its own results. */
      double *wish = malloc(n * sizeof(double));
      fill *own = malloc(n / 16 * sizeof(fill));
      total = run_bars(n, columns[0], columns[1], columns[2], columns[3], columns[4], wish, own);
      total.equity += total.checksum > 1e300 ? wish[0] : 0;
      free(own);
      free(wish);
    }
    else if (is_signals) total = run_signals(n, columns, signals, given, fills);
    else
      for (int c = 0; c < atoi(argv[5]); c++) {
        result one = run_grid(n, columns[0], columns[1], 0.1 + 0.02 * (c % 8), 1.1 + 0.1 * (c / 8), fills);
        total.equity += one.equity;
        total.worst = fmax(total.worst, one.worst);
        total.fills += one.fills;
      }
    printf("%.3f %.6f %.9f %ld\n", now_ms() - begin, total.equity, total.worst, total.fills);
  }
  return 0;
}
