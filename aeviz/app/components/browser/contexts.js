// A browser holds some sixteen WebGL contexts, and takes the oldest away, one that is in view
// perhaps. Plotly leaves those of a chart that is gone to the garbage collector; here they are given
// back when the next one is asked for. Only a canvas that was on the page and is no more counts.
if (!window.aevizContexts) {
  const held = (window.aevizContexts = new Map()); // context -> whether its canvas was on the page
  const plain = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    if (!/webgl/.test(kind)) return plain.call(this, kind, ...rest);
    for (const [context, seen] of held) {
      const here = context.canvas.isConnected;
      if (here) held.set(context, true);
      if (here || !seen) continue;
      held.delete(context);
      context.getExtension("WEBGL_lose_context")?.loseContext();
    }
    const context = plain.call(this, kind, ...rest);
    if (context && !held.has(context)) {
      held.set(context, false);
      setTimeout(() => held.has(context) && context.canvas.isConnected && held.set(context, true), 1500);
    }
    return context;
  };
}
