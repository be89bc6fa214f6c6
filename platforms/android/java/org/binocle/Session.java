// SPDX-License-Identifier: Apache-2.0
package org.binocle;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A conversation: pictures and questions in, answers out. Calls wait for each other; cancel may come from any thread at any time. They take
 * seconds: never on the thread that draws the screen.
 */
public final class Session implements AutoCloseable {
  /** How keys and values are kept; in the order of bnc_cache_type. */
  public enum Cache {
    AS_COMPILED, F32, F16, INT8
  }

  /** How much memory a session may take. Set what differs. */
  public static final class Settings {
    public Cache cache = Cache.AS_COMPILED;
    /** Rows; 0: the model's. */
    public int context;
    /** Bytes that the process should keep to; 0: what the machine has. */
    public long memoryLimit;
  }

  /** Why an answer ended; in the order of bnc_finish. */
  public enum Finish {
    STOP, LENGTH, CONTEXT, CALLER
  }

  /** What a session has done so far. */
  public static final class Statistics {
    public final double loadSeconds, visionSeconds, prefillSeconds, decodeSeconds;
    public final long pictures, prefillRows, decodeTokens, arenaBytes, cacheBytes;

    Statistics(double[] n) {
      loadSeconds = n[0];
      visionSeconds = n[1];
      prefillSeconds = n[2];
      decodeSeconds = n[3];
      pictures = (long) n[4];
      prefillRows = (long) n[5];
      decodeTokens = (long) n[6];
      arenaBytes = (long) n[7];
      cacheBytes = (long) n[8];
    }
  }

  /** How much a session may ask of the device; answers stay the same. Set what differs. */
  public static final class Power {
    /** Mean watts of the device; 0: no limit. */
    public double limitWatts;
    /** Tells what it draws, from the thread that runs the session; null: an estimate from busyWatts. */
    public EnergySource meter;
    /** Without a meter: what the device draws when all its cores are busy. */
    public double busyWatts;
    /** Half of the threads, rounded up, at most. */
    public boolean batterySaver;
  }

  /** How a limit was kept. */
  public static final class PowerReport {
    /** limitWatts 0: none; watts NaN: no meter told; threads: that worked, on average. */
    public final double limitWatts, watts, pausedSeconds, threads;

    PowerReport(double[] n) {
      limitWatts = n[0];
      watts = n[1];
      pausedSeconds = n[2];
      threads = n[3];
    }
  }

  static {
    NativeLibrary.load();
  }

  private final NativeHandle handle;

  Session(Model model, Settings s) {
    long parent = model.handle.acquire();
    long address = 0;
    try {
      address = create(parent, s.cache.ordinal(), s.context, s.memoryLimit);
    } finally {
      if (address == 0) model.handle.release(); // else the session keeps it
    }
    handle = new NativeHandle(address, model.handle, Session::destroy);
  }

  private interface Call<T> {
    T with(long address);
  }

  private interface Work {
    void with(long address);
  }

  /** The native session stays as long as it takes, whoever closes this one meanwhile. */
  private <T> T call(Call<T> body) {
    long address = handle.acquire();
    try {
      return body.with(address);
    } finally {
      handle.release();
    }
  }

  private void run(Work body) {
    call(address -> {
      body.with(address);
      return null;
    });
  }

  /** Looks at a picture file: WebP, JPEG or PNG. */
  public synchronized void addImage(String path) {
    byte[] name = Model.utf8(path);
    run(a -> addFile(a, name));
  }

  /** Looks at the bytes of such a file. */
  public synchronized void addImage(byte[] file) {
    if (file == null) throw new NullPointerException("a picture is missing");
    run(a -> addBytes(a, file));
  }

  /** Looks at pixels from the buffer's position on, which a direct buffer holds; rowBytes from row to row, 0: without a gap. */
  public synchronized void addPixels(ByteBuffer pixels, PixelFormat format, int width, int height, int rowBytes) {
    long needed = format.sizeOf(width, height, rowBytes);
    if (!pixels.isDirect()) throw new IllegalArgumentException("the buffer is not direct: ByteBuffer.allocateDirect makes one");
    if (pixels.remaining() < needed) throw new IllegalArgumentException("the buffer has " + pixels.remaining() + " bytes, expected " + needed);
    run(a -> addBuffer(a, pixels, pixels.position(), format.ordinal(), width, height, rowBytes));
  }

  /** The system text of conversations to come; null: the model's own. */
  public synchronized void setSystem(String text) {
    byte[] given = text == null ? null : Model.utf8(text);
    run(a -> system(a, given));
  }

  /** A question about the pictures since the last one. */
  public synchronized void ask(String question) {
    byte[] text = Model.utf8(question);
    run(a -> ask(a, text));
  }

  /** The answer, piece by piece; listener may be null. */
  public synchronized Finish generate(Sampling sampling, TokenListener listener) {
    byte[][] stops = new byte[sampling.stops.length][];
    for (int i = 0; i < stops.length; i++) stops[i] = Model.utf8(sampling.stops[i]);
    return call(a -> Finish.values()[generate(a, sampling.temperature, sampling.topP, sampling.topK, sampling.seed, sampling.maxTokens, stops,
        sampling.draft, listener)]);
  }

  /** A question and its whole answer, with the default sampling. */
  public synchronized String answer(String question) {
    StringBuilder text = new StringBuilder();
    ask(question);
    generate(new Sampling(), (id, piece) -> {
      text.append(piece);
      return true;
    });
    return text.toString();
  }

  /** What it does now stops, or if it does nothing, what it will do next: an answer with Finish.CALLER, else by an exception CANCELLED. */
  public void cancel() {
    run(a -> stop(a));
  }

  /** Writes the conversation into a file, complete or not at all. */
  public synchronized void save(String path) {
    byte[] name = Model.utf8(path);
    run(a -> save(a, name));
  }

  /** Goes on where a saved conversation of the same model stood; what is refused leaves this one as it was. */
  public synchronized void restore(String path) {
    byte[] name = Model.utf8(path);
    run(a -> restore(a, name));
  }

  /** Forgets conversation and pictures. */
  public synchronized void reset() {
    run(a -> reset(a));
  }

  /** Back to before the first question; its pictures wait again, without vision. */
  public synchronized void restart() {
    run(a -> restart(a));
  }

  /** Rows of the context that are taken. */
  public synchronized int rows() {
    return call(a -> rows(a));
  }

  public synchronized Statistics statistics() {
    double[] numbers = new double[9];
    run(a -> statistics(a, numbers));
    return new Statistics(numbers);
  }

  /** From now on threads rest, and the others pause, so that the device stays below the limit; null: full speed again. */
  public synchronized void limitPower(Power power) {
    Power p = power == null ? new Power() : power;
    run(a -> limitPower(a, p.limitWatts, p.busyWatts, p.batterySaver, p.meter));
  }

  public synchronized PowerReport power() {
    double[] numbers = new double[4];
    run(a -> power(a, numbers));
    return new PowerReport(numbers);
  }

  /** What runs on another thread ends first: cancel it to have it sooner. */
  @Override
  public void close() {
    handle.close();
  }

  /** From native code. */
  static boolean deliver(TokenListener listener, int id, byte[] text) {
    return listener.onText(id, new String(text, StandardCharsets.UTF_8));
  }

  /** From native code. */
  static double joules(EnergySource source) {
    return source.joules();
  }

  private static native long create(long model, int cache, int context, long memoryLimit);

  private static native void destroy(long address);

  private static native void limitPower(long address, double limitWatts, double busyWatts, boolean saver, EnergySource meter);

  private static native void power(long address, double[] numbers);

  private static native void addFile(long address, byte[] path);

  private static native void addBytes(long address, byte[] file);

  private static native void addBuffer(long address, ByteBuffer pixels, int offset, int format, int width, int height, int rowBytes);

  private static native void system(long address, byte[] text);

  private static native void ask(long address, byte[] question);

  private static native int generate(long address, double temperature, double topP, int topK, long seed, int maxTokens, byte[][] stops,
      boolean draft, TokenListener listener);

  private static native void stop(long address);

  private static native void save(long address, byte[] path);

  private static native void restore(long address, byte[] path);

  private static native void reset(long address);

  private static native void restart(long address);

  private static native int rows(long address);

  private static native void statistics(long address, double[] numbers);
}
