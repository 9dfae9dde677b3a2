namespace Warm.Transformers;

/// <summary>A token that is found in a text as a whole, before (or after) it is normalised, whatever the model would make of it.</summary>
/// <param name="Content">How it is spelt in a text.</param>
/// <param name="Id">Its id.</param>
/// <param name="Special">Whether <see cref="Tokenizer.Decode"/> leaves it out when asked to skip special tokens.</param>
/// <param name="SingleWord">Whether it must not touch word characters.</param>
/// <param name="LeftStrip">Whether it takes the white space before it.</param>
/// <param name="RightStrip">Whether it takes the white space behind it.</param>
/// <param name="Normalized">Whether it is searched in the normalised text (its content normalised too) and not in the raw one.</param>
public sealed record AddedToken(string Content, int Id, bool Special, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false, bool Normalized = false)
{
    /// <summary>The content and the id.</summary>
    public override string ToString() => $"{Content} = {Id}";
}
