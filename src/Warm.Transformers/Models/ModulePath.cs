namespace Warm.Transformers;

/// <summary>Where a computation stands among the modules of a checkpoint, and who is told what comes out of them.</summary>
internal readonly struct ModulePath(Trace? trace, string prefix)
{
    /// <summary>Whether somebody listens.</summary>
    public bool Traced => trace is not null;

    /// <summary>Tells the output of a module below this place, and gives it back.</summary>
    public EngineTensor Out(string module, EngineTensor output)
    {
        trace?.Invoke(prefix + module, output);
        return output;
    }

    /// <summary>A place further down.</summary>
    public ModulePath Below(string module) => new(trace, $"{prefix}{module}.");
}
