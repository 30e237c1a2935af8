import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import type { Martlet, Message } from "@martlet/client";

/* Calls the listener with each message of an event while the component is shown. Returns the state of the connection. */
export function useMartlet<Data = string>(
  martlet: Martlet, event: string, listener: (data: Data, message: Message<Data>) => void,
) {
  // The newest listener is called, without a new subscription each time that the component is drawn.
  const newest = useRef(listener);
  useEffect(() => { newest.current = listener; });
  useEffect(
    () => martlet.subscribe<Data>(event, (data, message) => newest.current(data, message)),
    [martlet, event]);
  const watch = useCallback((changed: () => void) => {
    martlet.on("state", changed);
    return () => { martlet.off("state", changed); };
  }, [martlet]);
  return useSyncExternalStore(watch, () => martlet.state, () => "closed" as const);
}
