// The random numbers of PyTorch on a CPU: a seed gives the page what it gives in Python.
//
// The Mersenne Twister of Matsumoto and Nishimura (1998), of whose 32 bits a float takes 24, and
// normal numbers as Box and Muller (1958) make them, in PyTorch's order: eight radii, eight angles.

const SIZE = 624;
const BLOCK = 16; // normal numbers that are made together

/** A generator of random numbers. */
export class Random {
  /** @param {number} seed a whole number below 2³² */
  constructor(seed) {
    this.state = new Uint32Array(SIZE);
    this.state[0] = seed;
    for (let n = 1; n < SIZE; n += 1) {
      const before = this.state[n - 1] ^ (this.state[n - 1] >>> 30);
      this.state[n] = Math.imul(1812433253, before) + n;
    }
    this.next = SIZE;
  }

  turn() {
    const { state } = this;
    for (let n = 0; n < SIZE; n += 1) {
      const after = state[(n + 1) % SIZE];
      const mixed = (state[n] & 0x80000000) | (after & 0x7fffffff);
      state[n] = state[(n + 397) % SIZE] ^ (mixed >>> 1) ^ (after & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }

  /** 32 random bits. */
  bits() {
    if (this.next === SIZE) this.turn();
    let bits = this.state[this.next];
    this.next += 1;
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  }

  /** A number from 0 to 1, which is never reached. */
  share() {
    return (this.bits() & 0xffffff) / 0x1000000;
  }

  /** A whole number below `count`. */
  below(count) {
    return Math.floor(this.share() * count);
  }

  /** As `torch.rand(count) * (high - low) + low`. */
  uniform(count, low = 0, high = 1) {
    const values = new Float32Array(count);
    for (let n = 0; n < count; n += 1) values[n] = this.share() * (high - low) + low;
    return values;
  }

  /** As `torch.randn(count)`, for 16 or more. */
  normal(count) {
    const values = this.uniform(count);
    for (let from = 0; from + BLOCK <= count; from += BLOCK) boxMuller(values, from);
    if (count % BLOCK > 0) {
      values.set(this.uniform(BLOCK), count - BLOCK);
      boxMuller(values, count - BLOCK);
    }
    return values;
  }

  /** The numbers below `count` in a random order. */
  order(count) {
    const order = Uint32Array.from({ length: count }, (_, n) => n);
    for (let n = count - 1; n > 0; n -= 1) {
      const other = this.below(n + 1);
      [order[n], order[other]] = [order[other], order[n]];
    }
    return order;
  }
}

/** Make normal numbers of a block of uniform ones, in place. */
function boxMuller(values, from) {
  for (let n = from; n < from + BLOCK / 2; n += 1) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[n]));
    const angle = 2 * Math.PI * values[n + BLOCK / 2];
    values[n] = radius * Math.cos(angle);
    values[n + BLOCK / 2] = radius * Math.sin(angle);
  }
}
