import type { HttpResponse, TemplatedApp } from './uws.ts';

export interface ConnectionCounter {
  /** Open connections, of all doors. */
  readonly count: number;
  /** A door of its own limit: strangers who fill the one do not lock anybody out of the other. */
  addDoor(): DoorCounter;
}

export interface DoorCounter {
  /** Counts all connections of an app. */
  watch(app: TemplatedApp): void;
  /** A WebSocket has closed: the library tells of its connection when it comes, and not when it goes. */
  socketClosed(): void;
}

/** Turns connections away that are over the limit of their door. */
export function createConnectionCounter(limit: number, onRefused: () => void): ConnectionCounter {
  let count = 0;
  return {
    get count() {
      return count;
    },
    addDoor: () => {
      let here = 0;
      const add = (change: number) => {
        here += change;
        count += change;
      };
      const hear = (response: HttpResponse, change: number | object) => {
        add(Number(change));
        if (Number(change) < 1 || here <= limit) return;
        response.close(); // no request has been read yet, so nobody waits for a reply in a certain form
        onRefused();
      };
      return { watch: (app) => void app.filter(hear), socketClosed: () => add(-1) };
    },
  };
}
