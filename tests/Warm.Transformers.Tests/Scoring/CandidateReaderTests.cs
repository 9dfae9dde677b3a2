using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>What a model reads: text forms, special tokens, truncation and remarks, on a BERT with a WordPiece of forty words and on the samples' decoder.</summary>
public class CandidateReaderTests
{
    private static readonly string[] Words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

    [Fact]
    public void Read_of_a_text_adds_special_tokens() => WithBert(model => Assert.Equal("[CLS] a b [SEP]", Tokens(model, Candidate.OfText("a b"))));

    [Fact]
    public void Read_of_an_empty_text_is_its_special_tokens() => WithBert(model => Assert.Equal("[CLS] [SEP]", Tokens(model, Candidate.OfText(""))));

    [Fact]
    public void Read_of_a_response_is_a_pair_for_encoders() => WithBert(model =>
    {
        Assert.Equal(TextForm.Pair, model.TextForm);
        EncodedText read = model.Read(Candidate.OfResponse("a b", "c"), ScoringOptions.Default);
        Assert.Equal("[CLS] a b [SEP] c [SEP]", Tokens(read));
        Assert.Equal([0, 0, 0, 0, 1, 1], read.TypeIds!);
    });

    [Theory]
    [InlineData("response", "[CLS] c [SEP]")]
    [InlineData("concatenate", "[CLS] a b c [SEP]")]
    [InlineData("k {prompt} k {response}", "[CLS] k a b k c [SEP]")]
    public void Read_of_a_response_follows_the_asked_form(string form, string expected) =>
        WithBert(model => Assert.Equal(expected, Tokens(model, Candidate.OfResponse("a b ", "c"), new() { TextForm = TextForm.Parse(form) })));

    [Fact]
    public void Read_of_messages_without_a_template_takes_one_question_and_its_answer() => WithBert(model =>
    {
        Assert.Equal("[CLS] a [SEP] b [SEP]", Tokens(model, Candidate.OfMessages([new("user", "a"), new("assistant", "b")])));
        Assert.Contains("1 turns", Assert.Throws<WarmException>(() => Tokens(model, Candidate.OfMessages([new("user", "a")]))).Message);
        Assert.Contains("no chat template", Assert.Throws<WarmException>(() => Tokens(model, Candidate.OfResponse("a", "b"), new() { TextForm = TextForm.Template })).Message);
    });

    [Theory]
    [InlineData("a b c d e f", 5, Truncation.Right, "[CLS] a b c [SEP]")]
    [InlineData("a b c d e f", 5, Truncation.Left, "[CLS] d e f [SEP]")]
    [InlineData("a b c d e f", 2, Truncation.Left, "[CLS] [SEP]")]
    [InlineData("a b c d e f", 8, Truncation.Left, "[CLS] a b c d e f [SEP]")]
    public void Read_of_a_longer_text_keeps_what_the_tokenizer_added(string text, int most, Truncation side, string expected) =>
        WithBert(model => Assert.Equal(expected, Tokens(model, Candidate.OfText(text), new() { MaxLength = most, Truncation = side })));

    // What tokenizers' longest_first leaves: the longer side is cut to the shorter one, then both evenly.
    [Theory]
    [InlineData("a b c d e f", "g h", 8, Truncation.Right, "[CLS] a b c [SEP] g h [SEP]")]
    [InlineData("a b c d e f", "g h i j", 8, Truncation.Right, "[CLS] a b c [SEP] g h [SEP]")]
    [InlineData("a b", "c d e f g h", 7, Truncation.Right, "[CLS] a b [SEP] c d [SEP]")]
    [InlineData("a b", "c d e f g h", 7, Truncation.Left, "[CLS] a b [SEP] g h [SEP]")]
    [InlineData("a b c", "d e f", 8, Truncation.Right, "[CLS] a b [SEP] d e f [SEP]")]
    public void Read_of_a_longer_pair_cuts_the_longer_side_first(string prompt, string response, int most, Truncation side, string expected) =>
        WithBert(model => Assert.Equal(expected, Tokens(model, Candidate.OfResponse(prompt, response), new() { MaxLength = most, Truncation = side })));

    [Fact]
    public void Read_with_no_room_for_the_special_tokens_is_refused() =>
        WithBert(model => Assert.Contains("at least 2", Assert.Throws<WarmException>(() => Tokens(model, Candidate.OfText("a b c"), new() { MaxLength = 1, Truncation = Truncation.Left })).Message));

    [Fact]
    public void Read_remarks_special_tokens_that_a_text_spells() => WithBert(model =>
    {
        Assert.Empty(model.Read(Candidate.OfText("a"), ScoringOptions.Default).Remarks);
        Assert.Contains("special token", Assert.Single(model.Read(Candidate.OfText("a [SEP] b"), ScoringOptions.Default).Remarks));
    });

    [Fact]
    public void Read_through_a_template_adds_no_special_tokens()
    {
        using Checkpoint weights = Checkpoint.Open(Repository.Path("samples", "family", "rm-1"));
        using RewardModel model = RewardModel.Load(weights);
        Assert.Equal(TextForm.Template, model.TextForm);
        Tokenizer tokenizer = Tokenizer.Open(weights.Folder!.Path);
        int[] expected = tokenizer.EncodeIds("<|user|>Is it right?<|end|><|assistant|>Yes.<|end|>", addSpecialTokens: false);
        Assert.Equal(expected, model.TokenIds(Candidate.OfResponse("Is it right?", "Yes.")));
        Assert.Equal(expected, model.TokenIds(Candidate.OfMessages([new("user", "Is it right?"), new("assistant", "Yes.")])));
        // The end of the turn, where the reward is read, stays when the text is cut on the right.
        Assert.Equal([.. expected[..5], expected[^1]], model.TokenIds(Candidate.OfResponse("Is it right?", "Yes."), new() { MaxLength = 6, Truncation = Truncation.Right }));
        Assert.Equal([expected[0], .. expected[^5..]], model.TokenIds(Candidate.OfResponse("Is it right?", "Yes."), new() { MaxLength = 6, Truncation = Truncation.Left }));
        Assert.Equal(tokenizer.EncodeIds("Is it right?Yes.<|end|>"), model.TokenIds(Candidate.OfResponse("Is it right?", "Yes."), new() { TextForm = TextForm.Concatenate }));
        Assert.Equal(tokenizer.EncodeIds("Is it right?Yes.<|end|>"), model.TokenIds(Candidate.OfResponse("Is it right?", "Yes.<|end|>"), new() { TextForm = TextForm.Concatenate }));
    }

    [Fact]
    public void Of_a_folder_takes_the_text_form_of_its_warm_json() => WithBert(model => Assert.Equal(TextForm.ResponseOnly, model.TextForm), folder => File.WriteAllText(Path.Combine(folder, "warm.json"), """{"textForm":"response"}"""));

    [Fact]
    public void Of_a_folder_takes_the_read_position_of_its_warm_json() => WithBert(model => Assert.Equal(RewardPosition.LastAttended, model.ReadPosition), folder => File.WriteAllText(Path.Combine(folder, "warm.json"), """{"readPosition":"LastAttended"}"""));

    [Fact]
    public void Load_of_a_tokenizer_with_more_ids_than_the_embedding_has_rows_is_refused()
    {
        string message = Assert.Throws<WarmException>(() => WithBert(_ => { }, folder =>
        {
            string file = Path.Combine(folder, "tokenizer.json");
            JsonNode json = JsonNode.Parse(File.ReadAllText(file))!;
            for (int i = Words.Length; i <= 40; i++) json["model"]!["vocab"]![$"word{i}"] = i;
            File.WriteAllText(file, json.ToJsonString());
        })).Message;
        Assert.Contains("ids up to 40 ('word40'), and the model's embedding has 40 rows", message);
    }

    [Fact]
    public void Read_says_where_transformers_5_reads_other_ids() => WithBert(model =>
    {
        // Its class lower-cases unless tokenizer_config.json says otherwise, whatever tokenizer.json does.
        Assert.Contains(model.Remarks, remark => remark.Contains("BertTokenizer") && remark.Contains("normalizer"));
        Assert.Contains(model.Read(Candidate.OfText("a B"), ScoringOptions.Default).Remarks, remark => remark.Contains("transformers 5 reads other token ids"));
        Assert.Empty(model.Read(Candidate.OfText("a b"), ScoringOptions.Default).Remarks);
    }, folder =>
    {
        string file = Path.Combine(folder, "tokenizer.json");
        JsonNode json = JsonNode.Parse(File.ReadAllText(file))!;
        json["normalizer"]!["lowercase"] = false;
        File.WriteAllText(file, json.ToJsonString());
    });

    private static void WithBert(Action<RewardModel> test, Action<string>? change = null)
    {
        using var folder = new TemporaryFolder();
        TinyModel.Bert(folder["m"]);
        var vocabulary = new JsonObject();
        for (int i = 0; i < Words.Length; i++) vocabulary[Words[i]] = i;
        JsonObject tokenizer = JsonNode.Parse("""
            {"version":"1.0","truncation":null,"padding":null,
             "added_tokens":[{"id":2,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
                             {"id":3,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
             "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
             "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
               "pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],
               "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},
             "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
             "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100}}
            """)!.AsObject();
        tokenizer["model"]!["vocab"] = vocabulary;
        File.WriteAllText(Path.Combine(folder["m"], "tokenizer.json"), tokenizer.ToJsonString());
        change?.Invoke(folder["m"]);
        using Checkpoint weights = Checkpoint.Open(folder["m"]);
        using RewardModel model = RewardModel.Load(weights);
        test(model);
    }

    private static string Tokens(RewardModel model, Candidate candidate, ScoringOptions? options = null) => Tokens(model.Read(candidate, options ?? ScoringOptions.Default));

    private static string Tokens(EncodedText text) => string.Join(' ', text.Ids.Select(id => Words[id]));
}
