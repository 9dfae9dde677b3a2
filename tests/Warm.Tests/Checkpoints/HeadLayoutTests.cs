using System.Text.Json;
using Warm.Testing;

namespace Warm.Tests;

public class HeadLayoutTests
{
    private static HeadLayout? Of(string config, params string[] names)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], config);
        return HeadLayout.Of(ModelConfig.Read(folder["config.json"]), names);
    }

    private static string Class(string name, string more = "") => $"{{\"architectures\":[\"{name}\"]{more}}}";

    [Theory] // contract of each family's class, as its project saves it
    [InlineData("LlamaForSequenceClassification", "", "score.weight", RewardPosition.LastNotPad, "score.weight", "score.bias", "model.norm.weight", "lm_head.weight")]
    [InlineData("INFORMForSequenceClassification", "", "score.0.bias score.0.weight score.2.bias score.2.weight", RewardPosition.BeforeFirstPad, "score.2.weight", "score.0.weight", "score.0.bias", "score.2.bias")]
    [InlineData("BertForSequenceClassification", "", "bert.pooler.dense.bias bert.pooler.dense.weight classifier.bias classifier.weight", RewardPosition.First, "classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias", "bert.encoder.layer.0.output.dense.weight")]
    [InlineData("RobertaForSequenceClassification", "", "classifier.dense.weight classifier.out_proj.bias classifier.out_proj.weight", RewardPosition.First, "classifier.out_proj.weight", "classifier.out_proj.bias", "classifier.dense.weight")]
    [InlineData("DistilBertForSequenceClassification", "", "classifier.weight pre_classifier.weight", RewardPosition.First, "classifier.weight", "pre_classifier.weight")]
    [InlineData("DebertaV2ForSequenceClassification", "", "classifier.weight pooler.dense.weight", RewardPosition.First, "classifier.weight", "pooler.dense.weight")]
    [InlineData("ModernBertForSequenceClassification", ",\"classifier_pooling\":\"mean\"", "classifier.weight head.dense.weight head.norm.weight", RewardPosition.Mean, "classifier.weight", "head.dense.weight", "head.norm.weight")]
    [InlineData("T5ForSequenceClassification", "", "classification_head.dense.weight classification_head.out_proj.weight", RewardPosition.LastEndOfText, "classification_head.out_proj.weight", "classification_head.dense.weight")]
    [InlineData("LlamaForCausalLM", ",\"value_head_prefix\":\"rm\"", "rm.weight", RewardPosition.LastAttended, "rm.weight", "lm_head.weight")]
    [InlineData("LlamaForCausalLM", ",\"value_head_prefix\":\"score\"", "score.weight", RewardPosition.LastAttended, "score.weight")]
    [InlineData("GPT2LMHeadModel", "", "v_head.summary.bias v_head.summary.weight", RewardPosition.LastAttended, "v_head.summary.weight", "v_head.summary.bias", "pretrained_model.transformer.wte.weight")]
    [InlineData("LlamaForCausalLM", "", "v_head.weight", RewardPosition.BeforeFirstPad, "v_head.weight")]
    [InlineData("LlamaForScore", "", "score_head.bias score_head.weight", RewardPosition.LastAttended, "score_head.weight", "score_head.bias", "normalizer.mean")]
    [InlineData("GPTNeoXRewardModel", ",\"model_type\":\"gpt_neox_reward_model\",\"pooling\":\"mean\"", "out_proj.bias out_proj.weight", RewardPosition.Mean, "out_proj.weight", "out_proj.bias")]
    public void Of_finds_the_head(string architecture, string more, string expected, RewardPosition position, params string[] names)
    {
        HeadLayout head = Of(Class(architecture, more), names)!;
        Assert.Equal(expected, string.Join(' ', head.Tensors));
        Assert.Equal(position, head.Position);
    }

    [Fact]
    public void Of_is_null_where_there_is_no_head()
    {
        Assert.Null(Of(Class("LlamaForSequenceClassification"), "model.norm.weight"));
        Assert.Null(Of(Class("LlamaForCausalLM"), "model.norm.weight", "lm_head.weight"));
    }

    [Fact]
    public void Statistics_are_told_apart() =>
        Assert.Equal(["normalizer.count", "normalizer.mean", "normalizer.var"], Of("{}", "score_head.weight", "normalizer.mean", "normalizer.var", "normalizer.count")!.Statistics);

    [Theory]
    [InlineData("LastNotPad", RewardPosition.LastNotPad)]
    [InlineData("last-end-of-text", RewardPosition.LastEndOfText)]
    [InlineData("mean", RewardPosition.Mean)]
    public void Parse_takes_either_spelling(string name, RewardPosition expected) => Assert.Equal(expected, RewardPositions.Parse(name));

    [Theory]
    [InlineData("end")]
    [InlineData("1")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData("First,Mean")]
    public void Parse_refuses_others_with_the_list(string name) => Assert.Contains("BeforeFirstPad", Assert.Throws<WarmException>(() => RewardPositions.Parse(name)).Message);

    [ReferenceFact]
    public void Of_finds_a_head_and_the_position_in_every_folder_of_the_reference()
    {
        int cases = 0;
        foreach (string folder in Directory.GetDirectories(Reference.Path("architectures")).Where(d => File.Exists(Path.Combine(d, "config.json"))))
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder);
            HeadLayout head = HeadLayout.Of(checkpoint) ?? throw new InvalidOperationException(folder);
            JsonElement reference = JsonText.Read(Path.Combine(folder, "reference.json"), namedNumbers: true);
            string? rule = reference.TryGetProperty("position_rule", out JsonElement named) ? named.GetString() : null;
            RewardPosition expected = (rule, reference.GetProperty("kind").GetString()) switch
            {
                ("last_attended" or "mask_sum_minus_1" or "argmax_cumsum_mask", _) => RewardPosition.LastAttended,
                ("mean_attended", _) => RewardPosition.Mean,
                ("before_first_pad_mod" or "before_first_pad_or_last", _) => RewardPosition.BeforeFirstPad,
                (_, "encoder") => Path.GetFileName(folder).Contains("mean") ? RewardPosition.Mean : RewardPosition.First,
                (_, "seq2seq") => RewardPosition.LastEndOfText,
                _ => RewardPosition.LastNotPad,
            };
            Assert.True(expected == head.Position, $"{folder}: {head}, expected {expected}");
            int labels = reference.GetProperty("cases")[0].GetProperty("logits_f64")[0] is { ValueKind: JsonValueKind.Array } row ? row.GetArrayLength() : 1;
            Assert.True(checkpoint.Info(head.Output).Shape[0] == labels, $"{folder}: {checkpoint.Info(head.Output)}");
            if (rule is null) Assert.True(checkpoint.Folder!.Config!.NumLabels == labels, folder);
            cases++;
        }
        Reference.Count("heads and read positions", cases);
        Assert.True(cases >= 100, $"{cases}");
    }
}
