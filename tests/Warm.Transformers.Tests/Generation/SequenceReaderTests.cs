using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Where a prompt ends and its response begins, in ids; and responses as text.</summary>
public class SequenceReaderTests
{
    private static Checkpoint Writer() => Checkpoint.Open(Repository.Path("samples", "writers", "sft-200"));

    [Fact]
    public void Read_cuts_where_the_response_begins()
    {
        using Checkpoint checkpoint = Writer();
        using LanguageModel model = LanguageModel.Load(checkpoint), plain = LanguageModel.Load(checkpoint, options: new() { TextForm = TextForm.Concatenate }), form = LanguageModel.Load(checkpoint, options: new() { TextForm = TextForm.Format("Q: {prompt}\nA:{response}") });
        string Text(IReadOnlyList<int> ids) => model.Tokenizer.Decode(ids);

        TokenSequence sequence = model.Read(Candidate.OfResponse("Why?", "Because.", "id"));
        Assert.Equal(("<|user|>Why?<|end|><|assistant|>", "Because.<|end|>", "id"), (Text(sequence.Prompt), Text(sequence.Response), sequence.Id));
        TokenSequence turns = model.Read(Candidate.OfMessages([new Message("user", "a"), new Message("assistant", "b"), new Message("user", "c"), new Message("assistant", "d")]));
        Assert.Equal(("<|user|>a<|end|><|assistant|>b<|end|><|user|>c<|end|><|assistant|>", "d<|end|>"), (Text(turns.Prompt), Text(turns.Response)));
        Assert.Equal("<|end|>", Text([plain.Read(Candidate.OfResponse("Why?", " Because.")).Response[^1]]));
        Assert.Equal(("Q: Why?\nA:", " So."), (Text(form.Read(Candidate.OfResponse("Why?", " So.")).Prompt), Text(form.Read(Candidate.OfResponse("Why?", " So.")).Response)));
        Assert.Equal([7], model.Read(Candidate.OfIds([7, 8, 9])).Prompt);
        Assert.Contains("does not end with an assistant's turn", Assert.Throws<WarmException>(() => model.Read(Candidate.OfMessages([new Message("user", "a")]))).Message);
        Assert.Contains("\"pair\" has no prompt", Assert.Throws<WarmException>(() => LanguageModel.Load(checkpoint, options: new() { TextForm = TextForm.Pair })).Message);
        Assert.Contains("does not begin with the prompt", Assert.Throws<WarmException>(() => LanguageModel.Load(checkpoint, options: new() { TextForm = TextForm.Format("{response} to {prompt}") })).Message);
    }

    [Fact]
    public void ReadPrompt_begins_a_turn_or_goes_on_with_one()
    {
        using Checkpoint checkpoint = Writer();
        using LanguageModel model = LanguageModel.Load(checkpoint), plain = LanguageModel.Load(checkpoint, options: new() { TextForm = TextForm.Concatenate });
        string Text(LanguageModel m, Candidate candidate) => m.Tokenizer.Decode(m.ReadPrompt(candidate));
        Assert.Equal("<|user|>Why?<|end|><|assistant|>", Text(model, Candidate.OfResponse("Why?", "")));
        Assert.Equal("<|user|>Why?<|end|><|assistant|>Because", Text(model, Candidate.OfResponse("Why?", "Because")));
        Assert.Equal("<|user|>Why?<|end|><|assistant|>", Text(model, Candidate.OfMessages([new Message("user", "Why?")])));
        Assert.Equal("Why? Because", Text(plain, Candidate.OfResponse("Why?", " Because")));
        Assert.Equal("Why?", Text(plain, Candidate.OfMessages([new Message("user", "Why?")])));
        Assert.Equal("Once", Text(model, Candidate.OfText("Once")));
        Assert.Contains("the prompt has no tokens", Assert.Throws<WarmException>(() => model.ReadPrompt(Candidate.OfText(""))).Message);
    }

    [Fact]
    public async Task Texts_of_streamed_tokens_are_the_responses()
    {
        using Checkpoint checkpoint = Writer();
        using LanguageModel model = LanguageModel.Load(checkpoint);
        Candidate[] prompts = [.. Enumerable.Repeat(Candidate.OfResponse("TV is better than Books Books", ""), 6)];
        var options = new SamplingOptions { MaxTokens = 30, Seed = 2 };
        IReadOnlyList<DrawnResponse> whole = model.Generate(prompts, options);
        string stop = whole[0].Text[5..9]; // inside the first response
        foreach (SamplingOptions asked in new[] { options, options with { StopTexts = [stop] } })
        {
            string[] texts = new string[prompts.Length];
            DrawnResponse[] responses = new DrawnResponse[prompts.Length];
            await foreach (DrawnToken token in model.StreamAsync(prompts, asked))
            {
                texts[token.Sequence] += token.Text;
                if (token.Response is { } response) responses[token.Sequence] = response;
            }
            Assert.Equal(responses.Select(r => r.Text), texts);
            if (asked.StopTexts.Count == 0) Assert.Equal(whole.Select(r => r.Text), texts);
            else Assert.Equal((whole[0].Text[..whole[0].Text.IndexOf(stop, StringComparison.Ordinal)], StopReason.StopText), (texts[0], responses[0].Stop));
            Assert.All(responses, r => Assert.DoesNotContain("<|end|>", r.Text));
        }
    }

    /// <summary>Ids of prompts and responses as TRL's DPO and SFT trainers make them, awkward strings included.</summary>
    [ReferenceFact]
    public void Read_gives_the_ids_of_TRL()
    {
        using Stream file = File.OpenRead(Reference.Path("training", "tables", "text_to_ids.json"));
        JsonNode table = JsonNode.Parse(file)!;
        using Checkpoint checkpoint = Checkpoint.Open(Reference.Path("training", "start", "llama-lm"));
        using LanguageModel plain = LanguageModel.Load(checkpoint, options: new() { TextForm = TextForm.Concatenate }), template = LanguageModel.Load(checkpoint);
        int count = 0;
        foreach (string kind in new[] { "explicit plain", "explicit conversational" })
            foreach (JsonNode? entry in table[kind]!.AsArray())
            {
                JsonNode example = entry!["example"]!, dpo = entry["dpo"]!;
                TokenSequence[] sides = [.. new[] { "chosen", "rejected" }.Select(side => kind == "explicit plain" ? plain.Read(Candidate.OfResponse((string)example["prompt"]!, (string)example[side]!))
                    : template.Read(Candidate.OfMessages([.. example["prompt"]!.AsArray().Concat(example[side]!.AsArray()).Select(turn => new Message((JsonObject)turn!.DeepClone()))])))];
                int[] prompt = Ints(dpo["prompt_ids"]!);
                Assert.Equal(prompt.Concat(Ints(dpo["chosen_ids"]!)), sides[0].Prompt.Concat(sides[0].Response));
                Assert.Equal(prompt.Concat(Ints(dpo["rejected_ids"]!)), sides[1].Prompt.Concat(sides[1].Response));
                Assert.Equal(prompt.Length, sides.Min(side => side.Prompt.Count)); // DPO gives both sides of a pair the shorter prompt
                count += 2;
            }
        foreach (JsonNode? entry in table["sft prompt-completion"]!.AsArray())
        {
            TokenSequence sequence = plain.Read(Candidate.OfResponse((string)entry!["example"]!["prompt"]!, (string)entry["example"]!["completion"]!));
            int[] labels = Ints(entry["labels"]!);
            Assert.Equal(Ints(entry["input_ids"]!), sequence.Prompt.Concat(sequence.Response));
            Assert.Equal(labels.Count(label => label == -100), sequence.Prompt.Count);
            count++;
        }
        Reference.Count("prompts and responses in ids", count);

        static int[] Ints(JsonNode list) => [.. list.AsArray().Select(v => (int)v!)];
    }
}
