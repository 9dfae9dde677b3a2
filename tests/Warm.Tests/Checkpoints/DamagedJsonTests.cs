using System.Text;
using Warm.Testing;

namespace Warm.Tests;

/// <summary>Every byte of the small JSON files of a folder flipped, lost or cut: what reads them gives an answer or a <see cref="WarmException"/>, never another error.</summary>
public class DamagedJsonTests
{
    [Theory]
    [InlineData("config.json", """{"architectures":["LlamaForSequenceClassification"],"num_labels":1,"id2label":{"0":"a"},"pad_token_id":0,"text_config":{"pad_token_id":1},"value_head_prefix":"x","pooling":"last","model_type":"llama","eps":1e-5,"t":true,"u":"\u00e9"}""")]
    [InlineData("model.safetensors.index.json", """{"metadata":{"total_size":8},"weight_map":{"a":"s.safetensors","b.c":"s/t.safetensors"}}""")]
    [InlineData("tokenizer.json", """{"added_tokens":[{"id":2,"content":"<s>"}],"model":{"type":"Unigram","unk_id":0,"vocab":[["a",-1.5],["b",-2]]},"decoder":null}""")]
    [InlineData("tokenizer_config.json", """{"eos_token":{"content":"b"},"pad_token":"a","chat_template":[{"name":"default","template":"t"}]}""")]
    [InlineData("vocab.json", """{"a":0,"b":1,"\u0120c":2}""")]
    public void Reading_a_damaged_file_gives_an_answer_or_a_WarmException(string name, string text)
    {
        byte[] whole = Encoding.UTF8.GetBytes(text);
        using var folder = new TemporaryFolder();
        int answers = 0, refused = 0;
        if (name == "tokenizer_config.json") File.WriteAllText(folder["vocab.txt"], "a\nb\n");
        Try(whole);
        Assert.Equal(1, answers);
        for (int at = 0; at < whole.Length; at++)
        {
            foreach (int flip in (int[])[0x04, 0x91])
            {
                byte[] changed = (byte[])whole.Clone();
                changed[at] ^= (byte)flip;
                Try(changed);
            }
            Try(whole[..at]);
            Try([.. whole[..at], .. whole[(at + 1)..]]);
        }
        Assert.True(refused > whole.Length, $"{answers} answers, {refused} refused");

        void Try(byte[] bytes)
        {
            File.WriteAllBytes(folder[name], bytes);
            try
            {
                if (name == "config.json") Ask(ModelConfig.Read(folder[name]));
                else if (name.EndsWith("index.json", StringComparison.Ordinal)) Assert.All(ShardIndex.Read(folder[name]).Files.Values, file => Assert.StartsWith(folder.Path, Path.GetFullPath(folder[file])));
                else _ = Vocabulary.Of(new ModelFolder(folder.Path, null))!.ToString();
                answers++;
            }
            catch (WarmException)
            {
                refused++;
            }
        }
    }

    private static void Ask(ModelConfig config)
    {
        _ = (config.Architecture, config.ModelType, config.NumLabels, config.Labels, config.PadTokenId, config.Keys.Count());
        _ = (config.Double("eps", 1), config.Bool("t", true), config.String("u", ""));
        _ = HeadLayout.Of(config, ["score.weight", "x.weight", "out_proj.weight"])?.ToString();
    }
}
