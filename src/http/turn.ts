/** Replies, but those of windows that were computed, which a turn of the event loop gives at once. */
const MOST = 16;

/**
 * Takes a place in this turn for one more reply; false: there is none left, and it must wait for the end. The library reads
 * on as long as each request of a connection is answered at once: thousands that came in one piece would keep everybody else
 * waiting for seconds. A request behind one that has to wait closes its connection, so that this is for those who send many
 * at once, and for nobody else.
 */
export function createTurn(): () => boolean {
  let given = 0;
  const end = () => {
    given = 0;
  };
  return () => {
    if (given === 0) setImmediate(end);
    given += 1;
    return given <= MOST;
  };
}
